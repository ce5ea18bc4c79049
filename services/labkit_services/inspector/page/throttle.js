// Many events, few changes of the page.

/** Return a function that calls `run` at once, but at most every so many milliseconds; `cancel()` ends it. */
export function throttled(run, everyMs) {
  let timer = 0;
  let isDue = false;
  function go() {
    isDue = false;
    timer = setTimeout(() => {
      timer = 0;
      if (isDue) go();
    }, everyMs);
    run();
  }
  const call = () => {
    isDue = true;
    if (!timer) go();
  };
  call.cancel = () => {
    clearTimeout(timer);
    timer = -1;
  };
  return call;
}
