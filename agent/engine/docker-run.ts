/** One container to its end: what it says while it runs, and the code that it ends with. */
import type Docker from 'dockerode'
import { translateError } from './docker-errors.ts'
import type { OutputListener } from './engine.ts'

/** Attached before the start, so that not even the first word is missed, whatever its log driver keeps. */
export const runToEnd = async (
  docker: Docker,
  id: string,
  onOutput: OutputListener,
  signal: AbortSignal,
): Promise<number> => {
  const container = docker.getContainer(id)
  const kill = (): void => void container.kill().catch(() => undefined) // it ended meanwhile
  try {
    const output = await container.attach({ stream: true, stdout: true, stderr: true })
    await container.start()
    signal.addEventListener('abort', kill, { once: true })
    if (signal.aborted) kill()
    await readFrames(output as AsyncIterable<Buffer>, onOutput)
    const { StatusCode } = (await container.wait()) as { StatusCode: number }
    return StatusCode
  } catch (error) {
    throw translateError(error, `running ${id}`)
  } finally {
    signal.removeEventListener('abort', kill)
  }
}

const headerBytes = 8

/**
 * A frame begins with 1 or 2 for where it was written, three zeros, and the length of what follows. A frame is handed on
 * as it comes, in pieces, and what comes next is read when the listener is done: whoever reads slowly slows it down.
 */
export const readFrames = async (stream: AsyncIterable<Buffer>, onOutput: OutputListener): Promise<void> => {
  let header = Buffer.alloc(0)
  let leftBytes = 0
  let from: 'stdout' | 'stderr' = 'stdout'
  for await (const chunk of stream) {
    let rest = chunk
    while (rest.length > 0) {
      if (leftBytes === 0) {
        const missing = headerBytes - header.length
        header = Buffer.concat([header, rest.subarray(0, missing)])
        rest = rest.subarray(missing)
        if (header.length < headerBytes) break
        from = header[0] === 2 ? 'stderr' : 'stdout'
        leftBytes = header.readUInt32BE(4)
        header = Buffer.alloc(0)
        continue
      }
      const piece = rest.subarray(0, leftBytes)
      leftBytes -= piece.length
      rest = rest.subarray(piece.length)
      await onOutput(from, piece)
    }
  }
}
