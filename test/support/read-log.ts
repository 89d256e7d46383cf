/** A log read to its end, or until enough was seen, with all that came of it. */
import { onTestFinished } from 'vitest'
import type { Fleet } from '../../src/fleet/fleet.ts'
import { type LogRequest, readLog } from '../../src/fleet/logs.ts'
import type { LogEntry } from '../../src/protocol/log.ts'
import type { WireReason } from '../../src/protocol/reason.ts'

export type SeenLog = {
  /** `source stream text`, one an entry */
  readonly entries: readonly string[]
  /** by source: of both streams */
  readonly bytes: (source: string) => Buffer
  readonly text: () => string
  readonly faults: ReadonlyMap<string, WireReason>
  readonly ended: Promise<void>
  readonly stop: () => void
}

export const startLog = (
  fleet: Fleet,
  device: string,
  request: LogRequest,
  onEntries: () => Promise<void> | void = () => undefined,
): SeenLog => {
  const entries: string[] = []
  const bytes = new Map<string, Buffer[]>()
  const faults = new Map<string, WireReason>()
  const enough = new AbortController()
  onTestFinished(() => enough.abort())
  const take = (entry: LogEntry): void => {
    if ('fault' in entry) {
      faults.set(entry.source, entry.fault)
      return
    }
    const piece = entry.text === undefined ? Buffer.from(entry.base64 ?? '', 'base64') : Buffer.from(entry.text)
    entries.push(`${entry.source} ${entry.stream} ${piece.toString()}`)
    bytes.set(entry.source, [...(bytes.get(entry.source) ?? []), piece])
  }
  const ended = readLog(fleet, {
    device,
    request,
    // A cluster takes its time over each of dozens.
    timeoutMs: 30_000,
    nowMs: Date.now,
    onEntries: (came) => {
      came.forEach(take)
      return onEntries()
    },
    signal: enough.signal,
  })
  ended.catch(() => undefined) // whoever waits for it is told
  const of = (source: string): Buffer => Buffer.concat(bytes.get(source) ?? [])
  return {
    entries,
    bytes: of,
    text: () => [...bytes.keys()].map((source) => of(source).toString()).join(''),
    faults,
    ended,
    stop: () => enough.abort(),
  }
}

export const wholeLog = async (fleet: Fleet, device: string, request: LogRequest): Promise<SeenLog> => {
  const log = startLog(fleet, device, request)
  await log.ended
  return log
}
