/** The built command, as an operator runs it: a process of its own, with its exit code and what it printed. */
import { execFile, spawn } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

/** Inside node_modules, so that the bundle finds its dependencies and nothing else finds the bundle. */
const builds = resolve('node_modules/.cache/longshore')

export type BuiltCommand = { readonly path: string; readonly remove: () => Promise<void> }

/** A build of its own: `dist` may be rebuilt by anybody while a test runs. */
export const buildCommand = async (): Promise<BuiltCommand> => {
  const folder = join(builds, `${process.pid}-${Date.now()}`)
  await mkdir(builds, { recursive: true })
  await promisify(execFile)(process.execPath, ['scripts/build.mjs', '--quiet', '--out', folder])
  return { path: join(folder, 'longshore.mjs'), remove: () => rm(folder, { recursive: true, force: true }) }
}

export type Ran = { readonly exitCode: number | null; readonly stdout: string; readonly stderr: string }

export const runCommand = (
  path: string,
  parameters: readonly string[],
  { env = {}, stdin = '' }: { readonly env?: Readonly<Record<string, string>>; readonly stdin?: string } = {},
): Promise<Ran> =>
  new Promise((resolveRan, reject) => {
    const child = spawn(process.execPath, [path, ...parameters], {
      env: { ...process.env, NO_COLOR: '1', LONGSHORE_CONTEXT: '', ...env },
      timeout: 40_000,
    })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
    })
    child.once('error', reject)
    child.once('close', (exitCode) => resolveRan({ exitCode, stdout, stderr }))
    child.stdin.on('error', () => undefined) // a command that reads no input may be gone already
    child.stdin.end(stdin)
  })
