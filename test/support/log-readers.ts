/**
 * Readers of one log, each over a connection of its own. A program, so that it can be frozen. It tells on stdout when all have
 * seen something, and at the end of each how many bytes of which SHA-256 it read, or with which code it ended.
 *
 *   node dist/test/log-readers.mjs '{"url": "…", "device": "gw-1", "app": "shop", "count": 10, "bytes": 1000}'
 */
import { createHash } from 'node:crypto'
import { pino } from 'pino'
import { connectFleet } from '../../src/fleet/fleet.ts'
import { readLog } from '../../src/fleet/logs.ts'
import { reasonOf } from '../../src/protocol/reason.ts'

export type LogReadersInput = {
  readonly url: string
  readonly device: string
  readonly app: string
  readonly count: number
  /** each has seen enough then */
  readonly bytes: number
}

const { url, device, app, count, bytes } = JSON.parse(process.argv[2] ?? '{}') as LogReadersInput

const say = (line: string): void => void process.stdout.write(`${line}\n`)

let begun = 0

const read = async (): Promise<void> => {
  const fleet = await connectFleet({ broker: { url }, root: 'longshore', log: pino({ level: 'silent' }) })
  const enough = new AbortController()
  const hash = createHash('sha256')
  let seen = 0
  try {
    await readLog(fleet, {
      device,
      request: { app, follow: true },
      timeoutMs: 60_000,
      nowMs: Date.now,
      signal: enough.signal,
      onEntries: (entries) => {
        if (seen === 0) begun += 1
        if (seen === 0 && begun === count) say('begun')
        for (const entry of entries) {
          if ('fault' in entry) continue
          hash.update(entry.text ?? '')
          seen += entry.text?.length ?? 0
        }
        if (seen >= bytes) enough.abort()
      },
    })
    say(`read ${seen} ${hash.digest('hex')}`)
  } catch (error) {
    say(`failed ${reasonOf(error).code}`)
  }
  await fleet.close()
}

await Promise.all(Array.from({ length: count }, read))
