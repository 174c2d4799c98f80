/** Measures the time on the wall and this process's CPU, until it is stopped. */
export function startClock() {
  let startedAt = 0;
  let cpuAtStart = process.cpuUsage();
  let reading = { elapsedMs: 0, cpuMs: 0 };
  const clock = {
    get elapsedMs() {
      return performance.now() - startedAt;
    },
    /** What it showed when it was stopped. */
    get reading() {
      return reading;
    },
    restart() {
      startedAt = performance.now();
      cpuAtStart = process.cpuUsage();
    },
    stop() {
      const { user, system } = process.cpuUsage(cpuAtStart);
      reading = { elapsedMs: clock.elapsedMs, cpuMs: (user + system) / 1000 };
    },
  };
  clock.restart();
  return clock;
}
