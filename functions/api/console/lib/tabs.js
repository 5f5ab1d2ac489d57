// What open tabs of this console tell each other: the session's key on request, activity, and sign-out.

const ANSWER_MS = 400;
const LATE_ANSWER_MS = 60_000;
// Several deployments can share an origin (the stages of one API Gateway): their tabs are kept apart by path.
const channel = new BroadcastChannel(`resma.session ${new URL("..", import.meta.url).pathname}`);

/**
 * Answers other tabs and follows them.
 * @param {{key: () => string | null, signedOut: () => void, active: () => void}} session `key` is null if nobody is signed in
 */
export function joinTabs({ key, signedOut, active }) {
  channel.addEventListener("message", ({ data }) => {
    if (data === "key?" && key() !== null) channel.postMessage({ key: key() });
    if (data === "signed-out") signedOut();
    if (data === "active") active();
  });
}

/**
 * Returns the key of another tab, or null if no tab answers in time: the sign-in page is shown then. A browser gives
 * hidden tabs little time, so a later answer still counts: it goes to `arrivedLate`.
 * @param {(key: string) => void} arrivedLate
 * @returns {Promise<string | null>}
 */
export function keyOfOtherTab(arrivedLate) {
  return new Promise((resolve) => {
    let isLate = false;
    const listen = (/** @type {MessageEvent} */ { data }) => {
      if (typeof data?.key !== "string") return;
      stop();
      if (isLate) arrivedLate(data.key);
      else resolve(data.key);
    };
    const shown = setTimeout(() => { isLate = true; resolve(null); }, ANSWER_MS);
    const ended = setTimeout(() => stop(), LATE_ANSWER_MS);
    const stop = () => {
      channel.removeEventListener("message", listen);
      clearTimeout(shown);
      clearTimeout(ended);
    };
    channel.addEventListener("message", listen);
    channel.postMessage("key?");
  });
}

/** Signs out every other tab. */
export function signOutOtherTabs() {
  channel.postMessage("signed-out");
}

/** Tells other tabs that somebody is at work. */
export function reportActivity() {
  channel.postMessage("active");
}
