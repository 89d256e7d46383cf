/** A few timers by name, each running once at a time; none of them keeps the process alive. */
export const createTimers = <Name extends string>() => {
  const timers = new Map<Name, NodeJS.Timeout>()
  let isStopped = false
  return {
    /** Nothing where one of this name runs already. */
    after: (name: Name, delayMs: number, work: () => void): void => {
      if (isStopped || timers.has(name)) return
      const fire = (): void => {
        timers.delete(name)
        work()
      }
      timers.set(name, setTimeout(fire, delayMs).unref())
    },
    has: (name: Name): boolean => timers.has(name),
    stop: (): void => {
      isStopped = true
      for (const timer of timers.values()) clearTimeout(timer)
    },
  }
}
