// What open tabs of this console tell each other: the session's key on request, activity, and sign-out.

const ANSWER_MS = 400;
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

/** The key of another tab, or null if no tab is signed in. @returns {Promise<string | null>} */
export function keyOfOtherTab() {
  return new Promise((resolve) => {
    const done = (/** @type {string | null} */ key) => {
      channel.removeEventListener("message", listen);
      clearTimeout(timer);
      resolve(key);
    };
    const listen = (/** @type {MessageEvent} */ { data }) => { if (typeof data?.key === "string") done(data.key); };
    const timer = setTimeout(() => done(null), ANSWER_MS);
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
