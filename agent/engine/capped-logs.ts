/**
 * Logs that do not fill the disk: where nobody says how a container is to log and the engine would write a file without an end
 * (Docker's default), the file is capped. It is no part of the spec digest, so nothing is made anew for it.
 */
import type { Engine } from './engine.ts'

/** As docs/logs.md has it: three files of 10 MB each. */
const cap = { 'max-size': '10m', 'max-file': '3' } as const

/** Drivers other than this have caps of their own, or are somebody else's. */
const uncapped = 'json-file'

export const withCappedLogs = (engine: Engine): Engine => {
  let driver: string | undefined
  /** Kept from the last time that somebody asked for the facts, as is done whenever the event stream is opened. */
  const facts: Engine['facts'] = async () => {
    const found = await engine.facts()
    driver = found.loggingDriver
    return found
  }
  return {
    ...engine,
    facts,
    createContainer: async (name, spec) => {
      if (spec.logging !== undefined) return await engine.createContainer(name, spec)
      driver ??= (await facts()).loggingDriver
      const capped = driver === uncapped ? { ...spec, logging: { driver, options: cap } } : spec
      await engine.createContainer(name, capped)
    },
  }
}
