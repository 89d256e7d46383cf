/**
 * What was sent and is not acknowledged, as TCP has it: no more bytes are on their way than the reader has room for, all of
 * them are kept, and sent again when it asks. A reader that gives no word has nothing sent to it. Pure.
 */
export type SentChunk = { readonly n: number; readonly payload: Buffer }

export type LogWindow = {
  readonly add: (chunk: SentChunk) => void
  /** @param received this chunk and all before it */
  readonly acknowledge: (received: number, windowBytes: number) => void
  readonly unacknowledged: () => readonly SentChunk[]
  readonly hasRoom: () => boolean
}

export const createLogWindow = (firstBytes: number): LogWindow => {
  let windowBytes = firstBytes
  let sent: SentChunk[] = []
  let bytes = 0
  return {
    add: (chunk) => {
      sent.push(chunk)
      bytes += chunk.payload.length
    },
    acknowledge: (received, most) => {
      windowBytes = most
      sent = sent.filter(({ n }) => n > received)
      bytes = sent.reduce((sum, { payload }) => sum + payload.length, 0)
    },
    unacknowledged: () => sent,
    hasRoom: () => bytes < windowBytes,
  }
}
