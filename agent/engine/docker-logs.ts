/** The last lines that a container said. Without a terminal the engine frames what it sends: 8 bytes before each piece. */
import type Docker from 'dockerode'
import { statusOf, translateError } from './docker-errors.ts'

/** A line is for people to read in a report: what is longer is cut. */
const longestLine = 300

export const readLastLines = async (docker: Docker, id: string, count: number): Promise<string[]> => {
  try {
    const raw = await docker.getContainer(id).logs({ stdout: true, stderr: true, tail: count, follow: false })
    return linesOf(raw).slice(-count)
  } catch (error) {
    // Gone, or of a log driver that cannot be read back.
    const status = statusOf(error)
    if (status === 404 || status === 501) return []
    throw translateError(error, `reading the log of ${id}`)
  }
}

/** A terminal's output has no frames. A frame begins with 0, 1 or 2, three zeros and the length of what follows. */
export const linesOf = (raw: Buffer): string[] => {
  const pieces: Buffer[] = []
  let rest = raw
  while (rest.length >= 8 && (rest[0] as number) <= 2 && rest.readUIntBE(1, 3) === 0) {
    const end = 8 + rest.readUInt32BE(4)
    pieces.push(rest.subarray(8, end))
    rest = rest.subarray(end)
  }
  pieces.push(rest)
  return Buffer.concat(pieces)
    .toString()
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .map((line) => printable(line).slice(0, longestLine))
}

/** Colours and the like would be carried out by the terminal of whoever reads it. */
const printable = (line: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is to go
  line.replace(/\u001b\[[0-9;?]*[ -/]*[@-~]/g, '').replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '')
