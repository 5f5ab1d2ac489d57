// Polling: often while the response changes, less often while it does not, and rarely while the tab is hidden.

import { Problem } from "./api.js";

const MIN_SECONDS = 1;
const MAX_SECONDS = 15;
/** Interval of a hidden tab, whose title shows when a report is ready. */
const HIDDEN_SECONDS = 30;

/**
 * Sends requests until the response is final or the signal is aborted.
 * @param {() => Promise<{again: boolean, changed: boolean, retryAfter: number | null}>} request
 * @param {AbortSignal} signal
 * @param {(problem: Problem | null) => void} report is called with a problem, and with null when it is over
 */
export async function poll(request, signal, report) {
  let seconds = MIN_SECONDS;
  let hasFailed = false;
  while (!signal.aborted) {
    try {
      const { again, changed, retryAfter } = await request();
      if (hasFailed) report(null);
      hasFailed = false;
      if (!again) return;
      const minSeconds = retryAfter ?? MIN_SECONDS;
      seconds = changed ? minSeconds : Math.min(Math.max(minSeconds, seconds * 1.5), MAX_SECONDS);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Problem)) throw error;
      hasFailed = true;
      report(error);
      if (!error.passes) return;
      seconds = Math.max(error.retryAfter ?? 0, Math.min(seconds * 2, MAX_SECONDS));
    }
    await pause(seconds, signal);
    await untilVisible(signal);
  }
}

/** @param {number} seconds @param {AbortSignal} signal */
function pause(seconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(undefined); }, { once: true });
  });
}

/** Waits until the page is visible, at most for the interval of a hidden tab. @param {AbortSignal} signal */
function untilVisible(signal) {
  if (!document.hidden) return undefined;
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, HIDDEN_SECONDS * 1000);
    const done = () => { clearTimeout(timer); resolve(undefined); };
    document.addEventListener("visibilitychange", done, { once: true, signal });
    signal.addEventListener("abort", done, { once: true });
  });
}
