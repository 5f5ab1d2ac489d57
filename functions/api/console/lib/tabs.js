// Messages between open tabs of this console: the session on request, activity, and sign-out.

const ANSWER_MS = 400;
const LATE_ANSWER_MS = 60_000;
// Several deployments can have the same origin (stages of one API Gateway), so the channel has the path in its name.
const channel = new BroadcastChannel(`resma.session ${new URL("..", import.meta.url).pathname}`);

/** @typedef {{key: string, renewalKey: string | null}} KeptSession `renewalKey` is null if the user did not sign in at a provider */

/**
 * Responds to other tabs and handles their messages.
 * @param {{kept: () => KeptSession | null, signedOut: () => void, active: () => void}} session `kept` is null if nobody is signed in
 */
export function joinTabs({ kept, signedOut, active }) {
  channel.addEventListener("message", ({ data }) => {
    const session = data === "key?" ? kept() : null;
    if (session !== null) channel.postMessage(session);
    if (data === "signed-out") signedOut();
    if (data === "active") active();
  });
}

/**
 * Returns the session of another tab, or null if no tab answers in time: the sign-in page is shown then. A browser gives
 * hidden tabs little time, so a later answer still counts: it goes to `arrivedLate`.
 * @param {(session: KeptSession) => void} arrivedLate
 * @returns {Promise<KeptSession | null>}
 */
export function sessionOfOtherTab(arrivedLate) {
  return new Promise((resolve) => {
    let isLate = false;
    const listen = (/** @type {MessageEvent} */ { data }) => {
      if (typeof data?.key !== "string") return;
      stop();
      const session = { key: data.key, renewalKey: data.renewalKey ?? null };
      if (isLate) arrivedLate(session);
      else resolve(session);
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

/** Reports activity of the user to other tabs. */
export function reportActivity() {
  channel.postMessage("active");
}
