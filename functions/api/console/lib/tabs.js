// Messages between open tabs of this console: the key of the session on request, activity, and sign-out.

const ANSWER_MS = 400;
// Several deployments can have the same origin (stages of one API Gateway), so the channel has the path in its name.
const channel = new BroadcastChannel(`resma.session ${new URL("..", import.meta.url).pathname}`);

/**
 * Responds to other tabs and handles their messages.
 * @param {{key: () => string | null, signedOut: () => void, active: () => void}} session `key` is null if nobody is signed in
 */
export function joinTabs({ key, signedOut, active }) {
  channel.addEventListener("message", ({ data }) => {
    if (data === "key?" && key() !== null) channel.postMessage({ key: key() });
    if (data === "signed-out") signedOut();
    if (data === "active") active();
  });
}

/** Returns the key of another tab, or null if no tab is signed in. @returns {Promise<string | null>} */
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

/** Reports activity of the user to other tabs. */
export function reportActivity() {
  channel.postMessage("active");
}
