/**
 * What is on disk, as it was: the newest whole snapshot, then the journals from its number on. The end of a file that was
 * cut off is left out, damage inside is skipped and told of. Files are only read here.
 */
import type { Logger } from 'pino'
import { diskFault } from '../../src/outbox/disk-fault.ts'
import type { OutboxFiles } from '../../src/outbox/files.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { journalName, parseFileName, snapshotName } from './file-names.ts'
import { decodeHead, type FileKind, findFrame } from './frame.ts'
import { decodeOperation, type Operation } from './operation.ts'
import { applyOperation, createState, type State } from './state.ts'

export type Recovered = {
  readonly state: State
  /** of the file to begin */
  readonly nextNumber: number
  /** that journals had to tell; a snapshot spares reading it again */
  readonly journalBytes: number
  readonly journals: number
  readonly snapshotBytes: number
}

/** @throws LongshoreError state-unusable, where a file is of a newer version or cannot be read */
export const recover = async (files: OutboxFiles, log: Logger): Promise<Recovered> => {
  const found = (await list(files)).flatMap(({ name, bytes }) => {
    const parsed = parseFileName(name)
    return parsed === undefined ? [] : [{ ...parsed, bytes }]
  })
  found.sort((a, b) => a.number - b.number)
  const highest = found.at(-1)?.number ?? 0
  let state = createState()
  let from = 0
  let snapshotBytes = 0
  for (const { number, bytes } of found.filter(({ kind }) => kind === 'snapshot').reverse()) {
    const candidate = createState()
    let isWhole = false
    await readOperations(files, 'snapshot', snapshotName(number), bytes, log, (operation) => {
      applyOperation(candidate, operation)
      isWhole ||= operation.kind === 'end'
    })
    if (!isWhole) continue
    state = candidate
    from = number
    snapshotBytes = bytes
    break
  }
  let journalBytes = 0
  let journals = 0
  for (const { kind, number, bytes } of found) {
    if (kind !== 'journal' || number < from) continue
    journalBytes += bytes
    journals += 1
    await readOperations(files, 'journal', journalName(number), bytes, log, (operation) =>
      applyOperation(state, operation),
    )
  }
  return { state, nextNumber: highest + 1, journalBytes, journals, snapshotBytes }
}

const list = async (files: OutboxFiles): Promise<{ name: string; bytes: number }[]> => {
  try {
    return await files.list()
  } catch (error) {
    throw diskFault(error, 'reading what the broker kept')
  }
}

const readOperations = async (
  files: OutboxFiles,
  kind: FileKind,
  name: string,
  length: number,
  log: Logger,
  apply: (operation: Operation) => void,
): Promise<void> => {
  const bytes = await files.read(name, 0, length).catch((error: unknown) => {
    throw diskFault(error, `reading ${name}`)
  })
  const head = decodeHead(bytes, kind)
  if (!head.ok) {
    if (head.fault === 'future')
      throw new LongshoreError('state-unusable', `${name} was written by a newer version of Longshore`)
    if (head.fault === 'garbage') log.error({ name }, 'a file of the broker is not what it should be; it is left out')
    return
  }
  let at = head.length
  let skippedBytes = 0
  for (let frame = findFrame(bytes, at, head.seed); frame !== undefined; frame = findFrame(bytes, at, head.seed)) {
    skippedBytes += frame.start - at
    const operation = decodeOperation(frame.body)
    if (operation === undefined) skippedBytes += frame.end - frame.start
    else apply(operation)
    at = frame.end
  }
  if (skippedBytes > 0) log.error({ name, skippedBytes }, 'a file of the broker is damaged; what stood there is lost')
  else if (at < bytes.length) log.info({ name, tornBytes: bytes.length - at }, 'the last write was cut off')
}
