/** The machine's static busybox: one file that is a whole userland. */
import { chmod, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LongshoreError } from '../protocol/reason.ts'
import { type InstallOptions, installObstacle } from './packages.ts'
import { lastLines, runProgram } from './run-program.ts'

export type Busybox = { readonly binary: Buffer; readonly applets: readonly string[] }

const usualPath = '/bin/busybox'
const advice = 'get it with: apt-get install -y --no-install-recommends busybox-static'

/** @throws LongshoreError file-unreadable, with how to get one */
export const readBusybox = async (path: string = usualPath): Promise<Busybox> => {
  const binary = await readFile(path).catch((cause: unknown) => {
    throw new LongshoreError('file-unreadable', `${path} cannot be read; ${advice}`, { cause })
  })
  if (!isStaticElf(binary)) throw new LongshoreError('file-unreadable', `${path} is not a static binary; ${advice}`)
  const list = await runProgram(path, ['--list'], { timeoutMs: 10_000 })
  return { binary, applets: list.output.split('\n').filter((applet) => applet !== '' && applet !== 'busybox') }
}

/**
 * Where a static busybox is: on the machine, or else unpacked from Debian's package into the folder, so that nothing
 * is installed for it.
 */
export const findBusybox = async (folder: string, options: InstallOptions): Promise<string> => {
  try {
    if (isStaticElf(await readFile(usualPath))) return usualPath
  } catch {
    // none at all: the same as one that is of no use
  }
  const obstacle = options.install ? await installObstacle() : 'downloading was not allowed'
  if (obstacle !== undefined)
    throw new LongshoreError('file-unreadable', `there is no static busybox and ${obstacle}; ${advice}`)
  options.say('downloading the package busybox-static for the example image; it is not installed')
  const script =
    'cd "$0" && (apt-get download busybox-static || (apt-get update && apt-get download busybox-static)) && dpkg-deb -x busybox-static_*.deb .'
  // apt drops its rights for downloads and needs the folder to be open to its own user.
  await chmod(folder, 0o755)
  const end = await runProgram('sh', ['-c', script, folder], { timeoutMs: 300_000, signal: options.signal })
  if (end.exitCode !== 0)
    throw new LongshoreError(
      'file-unreadable',
      `busybox-static could not be had: ${lastLines(end.output, 3)}; ${advice}`,
    )
  for (const path of ['bin/busybox', 'usr/bin/busybox']) {
    const binary = await readFile(join(folder, path)).catch(() => undefined)
    if (binary !== undefined && isStaticElf(binary)) return join(folder, path)
  }
  throw new LongshoreError('file-unreadable', `the package busybox-static holds no static busybox; ${advice}`)
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
