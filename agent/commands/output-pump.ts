/**
 * What a program says, on its way to whoever asked, in pieces of a bounded size. A piece is sent until the broker has it;
 * meanwhile what comes is gathered, and when enough waits, whoever writes has to wait too.
 */
export type Piece = {
  readonly stream: 'stdout' | 'stderr'
  /** of its first byte, counted from the beginning of the stream: what came twice or never is known by it */
  readonly at: number
  /** base64 */
  readonly data: string
}

export type OutputPump = {
  /** Resolves when there is room for more. */
  readonly write: (stream: Piece['stream'], bytes: Uint8Array) => Promise<void>
  /** Resolves when everything was sent, or was given up. */
  readonly end: () => Promise<void>
  /** bytes of each stream, sent or not */
  readonly counts: () => { readonly stdoutBytes: number; readonly stderrBytes: number; readonly unsentBytes: number }
}

export type OutputPumpInput = {
  readonly pieceBytes: number
  /** nothing beyond this is sent; it is read all the same, for a program that cannot write stands still */
  readonly mostBytes: number
  /** @returns whether the broker has it */
  readonly send: (piece: Piece) => Promise<boolean>
  /** Before a piece is tried again. @returns false: it is given up */
  readonly pause: () => Promise<boolean>
}

type Waiting = { readonly stream: Piece['stream']; readonly at: number; readonly bytes: Buffer }

export const createOutputPump = ({ pieceBytes, mostBytes, send, pause }: OutputPumpInput): OutputPump => {
  const total = { stdout: 0, stderr: 0 }
  const queue: Waiting[] = []
  let [queuedBytes, takenBytes, unsentBytes] = [0, 0, 0]
  let isGivenUp = false
  let sending: Promise<void> | undefined

  /** As much of one stream as fits, of what waits. */
  const next = (): Waiting | undefined => {
    const first = queue.shift()
    if (first === undefined) return undefined
    const parts = [first.bytes]
    let length = first.bytes.length
    while (queue[0] !== undefined && queue[0].stream === first.stream && length < pieceBytes) {
      const { bytes } = queue.shift() as Waiting
      parts.push(bytes)
      length += bytes.length
    }
    const all = Buffer.concat(parts)
    const rest = all.subarray(pieceBytes)
    if (rest.length > 0) queue.unshift({ stream: first.stream, at: first.at + pieceBytes, bytes: rest })
    return { ...first, bytes: all.subarray(0, pieceBytes) }
  }

  const sendAll = async (): Promise<void> => {
    await Promise.resolve() // so that it has begun before it has ended, also where nothing is sent any more
    for (let piece = next(); piece !== undefined; piece = next()) {
      const { stream, at, bytes } = piece
      const data = bytes.toString('base64')
      while (!isGivenUp && !(await send({ stream, at, data }))) isGivenUp = !(await pause())
      if (isGivenUp) unsentBytes += bytes.length
      queuedBytes -= bytes.length
    }
    sending = undefined
  }

  return {
    write: async (stream, bytes) => {
      const at = total[stream]
      total[stream] += bytes.length
      const kept = Buffer.from(bytes.subarray(0, Math.max(0, mostBytes - takenBytes)))
      unsentBytes += bytes.length - kept.length
      if (kept.length === 0) return
      takenBytes += kept.length
      queuedBytes += kept.length
      queue.push({ stream, at, bytes: kept })
      sending ??= sendAll()
      while (queuedBytes > 4 * pieceBytes && sending !== undefined) await sending
    },
    end: async () => {
      while (sending !== undefined) await sending
    },
    counts: () => ({ stdoutBytes: total.stdout, stderrBytes: total.stderr, unsentBytes }),
  }
}
