/**
 * Writes the whole state beside the journal, a little at a time while the broker goes on, and then deletes what it makes
 * needless. A snapshot counts only with its last record, so one that was cut off is as if it had never begun; nothing is
 * deleted before it is on disk, with its name.
 */
import type { OutboxFiles } from '../../src/outbox/files.ts'
import { parseFileName, snapshotName } from './file-names.ts'
import { decodeHead, encodeHead } from './frame.ts'
import { createFrameBuffer } from './operation.ts'
import { type State, stateOperations } from './state.ts'

/** What is encoded without letting anybody else have a turn: well under a millisecond. */
const sliceBytes = 128 * 1024

/** Hands back its length. The journal of the same number must have begun. @throws what the disk says */
export const writeSnapshot = async (
  files: OutboxFiles,
  state: State,
  number: number,
  salt: string,
): Promise<number> => {
  const name = snapshotName(number)
  const head = encodeHead('snapshot', salt)
  const read = decodeHead(head, 'snapshot')
  if (!read.ok) throw new Error('the first line of a snapshot does not read back')
  const file = await files.create(name)
  let written = head.length
  try {
    await file.append(head)
    const buffer = createFrameBuffer()
    const flush = async (): Promise<void> => {
      written += buffer.size()
      await file.append(buffer.take())
    }
    for (const operation of stateOperations(state)) {
      buffer.add(operation, read.seed)
      if (buffer.size() >= sliceBytes) await flush()
    }
    await flush()
    await file.sync()
  } catch (error) {
    await file.close().catch(() => {})
    await files.remove(name).catch(() => {})
    throw error
  }
  await file.close()
  await removeBefore(files, number)
  return written
}

const removeBefore = async (files: OutboxFiles, number: number): Promise<void> => {
  for (const { name } of await files.list()) {
    const parsed = parseFileName(name)
    if (parsed !== undefined && parsed.number < number) await files.remove(name)
  }
}
