/** Debian packages that the tests and the demo need. Nothing is installed silently: it is said in one line first. */
import { readFile } from 'node:fs/promises'
import { LongshoreError } from '../protocol/reason.ts'
import { lastLines, runProgram } from './run-program.ts'

export type InstallOptions = {
  /** false: a missing package is an error that says how to get it. */
  readonly install: boolean
  readonly say: (line: string) => void
  readonly signal?: AbortSignal | undefined
}

/** Makes sure that the packages are installed; returns those that it installed. */
export const ensurePackages = async (names: readonly string[], options: InstallOptions): Promise<string[]> => {
  const missing: string[] = []
  for (const name of names) if (!(await isInstalled(name, options.signal))) missing.push(name)
  if (missing.length === 0) return []
  const command = `apt-get install -y --no-install-recommends ${missing.join(' ')}`
  const obstacle = options.install ? await installObstacle() : 'installing was not allowed'
  if (obstacle !== undefined)
    throw new LongshoreError(
      'file-unreadable',
      `${missing.join(', ')} not installed and ${obstacle}; get it with: ${command}`,
    )
  options.say(`installing the Debian packages ${missing.join(', ')} with apt-get`)
  await aptGet(['update'], options.signal)
  await aptGet(['install', '-y', '--no-install-recommends', ...missing], options.signal)
  return missing
}

/** Why nothing can be installed here; undefined when it can. */
export const installObstacle = async (): Promise<string | undefined> => {
  if (!(await isDebianLike())) return 'this is neither Debian nor Ubuntu'
  return process.getuid?.() === 0 ? undefined : 'only root can install packages'
}

const isDebianLike = async (): Promise<boolean> => {
  try {
    return releaseIsDebianLike(await readFile('/etc/os-release', 'utf8'))
  } catch {
    return false
  }
}

/** From the text of /etc/os-release: Debian, Ubuntu, or one that says it is like them. */
export const releaseIsDebianLike = (osRelease: string): boolean =>
  osRelease
    .split('\n')
    .flatMap((line) => /^ID(?:_LIKE)?=["']?([^"']*)["']?$/.exec(line.trim())?.[1]?.split(' ') ?? [])
    .some((id) => id === 'debian' || id === 'ubuntu')

const isInstalled = async (name: string, signal: AbortSignal | undefined): Promise<boolean> => {
  const query = await runProgram('dpkg-query', ['-W', '-f=${Status}', name], { timeoutMs: 10_000, signal })
  return query.exitCode === 0 && query.output.includes('install ok installed')
}

const aptGet = async (parameters: readonly string[], signal: AbortSignal | undefined): Promise<void> => {
  // Two set-ups at once: the second waits for dpkg's lock instead of failing.
  const end = await runProgram('apt-get', ['-o', 'DPkg::Lock::Timeout=120', ...parameters], {
    timeoutMs: 300_000,
    signal,
  })
  if (end.exitCode !== 0)
    throw new LongshoreError(
      'file-unreadable',
      `apt-get ${parameters.join(' ')} ended with ${end.exitCode}:\n${lastLines(end.output, 5)}`,
    )
}
