/** The machine's static busybox: one file that is a whole userland. */
import { readFile } from 'node:fs/promises'
import { LongshoreError } from '../protocol/reason.ts'
import { runProgram } from './run-program.ts'

export type Busybox = { readonly binary: Buffer; readonly applets: readonly string[] }

const path = '/bin/busybox'
const advice = 'get it with: apt-get install -y --no-install-recommends busybox-static'

export const readBusybox = async (): Promise<Busybox> => {
  const binary = await readFile(path).catch((cause: unknown) => {
    throw new LongshoreError('file-unreadable', `${path} cannot be read; ${advice}`, { cause })
  })
  if (!isStaticElf(binary)) throw new LongshoreError('file-unreadable', `${path} is not a static binary; ${advice}`)
  const list = await runProgram(path, ['--list'], { timeoutMs: 10_000 })
  return { binary, applets: list.output.split('\n').filter((applet) => applet !== '' && applet !== 'busybox') }
}

/** A dynamic program names its loader in a PT_INTERP header, and finds none in an empty image. */
export const isStaticElf = (binary: Buffer): boolean => {
  if (binary.length < 64 || binary.readUInt32BE(0) !== 0x7f454c46) return false
  const wide = binary[4] === 2
  const offset = wide ? Number(binary.readBigUInt64LE(32)) : binary.readUInt32LE(28)
  const entryBytes = binary.readUInt16LE(wide ? 54 : 42)
  const count = binary.readUInt16LE(wide ? 56 : 44)
  const types = Array.from({ length: count }, (_, index) => offset + index * entryBytes)
    .filter((at) => at + 4 <= binary.length)
    .map((at) => binary.readUInt32LE(at))
  return !types.includes(interpreterHeader)
}

const interpreterHeader = 3
