// Requesting again: soon while something changes, less and less often while nothing does, seldom while the tab is hidden.

import { Problem } from "./api.js";

const LEAST_SECONDS = 1;
const MOST_SECONDS = 15;
/** A hidden tab still learns that a report is ready: its title says so. */
const HIDDEN_SECONDS = 30;

/**
 * Asks until the answer says that nothing more will come, or the signal ends it.
 * @param {() => Promise<{again: boolean, changed: boolean, retryAfter: number | null}>} ask
 * @param {AbortSignal} signal
 * @param {(problem: Problem | null) => void} tell of a fieldError that may pass, and null once it has
 */
export async function poll(ask, signal, tell) {
  let seconds = LEAST_SECONDS;
  let hasFailed = false;
  while (!signal.aborted) {
    try {
      const { again, changed, retryAfter } = await ask();
      if (hasFailed) tell(null);
      hasFailed = false;
      if (!again) return;
      const least = retryAfter ?? LEAST_SECONDS;
      seconds = changed ? least : Math.min(Math.max(least, seconds * 1.5), MOST_SECONDS);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Problem)) throw error;
      hasFailed = true;
      tell(error);
      if (!error.passes) return;
      seconds = Math.max(error.retryAfter ?? 0, Math.min(seconds * 2, MOST_SECONDS));
    }
    await pause(seconds, signal);
    await seen(signal);
  }
}

/** @param {number} seconds @param {AbortSignal} signal */
function pause(seconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(undefined); }, { once: true });
  });
}

/** Waits until the page is in view, or for so long as a hidden one waits. @param {AbortSignal} signal */
function seen(signal) {
  if (!document.hidden) return undefined;
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, HIDDEN_SECONDS * 1000);
    const done = () => { clearTimeout(timer); resolve(undefined); };
    document.addEventListener("visibilitychange", done, { once: true, signal });
    signal.addEventListener("abort", done, { once: true });
  });
}
