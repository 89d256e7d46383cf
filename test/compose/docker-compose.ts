/** Debian's docker-compose 1.29 as an oracle: what it makes of files, as it prints it. Needs no engine. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export type Files = Readonly<Record<string, string>>
export type Printed = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly why: string }

/** Writes the files into a folder of their own, and runs `docker-compose config` there with an empty environment. */
export const printConfig = async (files: Files, given: readonly string[]): Promise<Printed> => {
  const folder = mkdtempSync(join(tmpdir(), 'longshore-oracle-'))
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), text)
    }
    return await run(folder, [...given.flatMap((name) => ['-f', name]), 'config'])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The later `docker compose` is another program, and prints other things. */
export const isOracle = async (): Promise<boolean> => {
  const version = await run(tmpdir(), ['version', '--short'])
  return version.ok && version.text.startsWith('1.29.')
}

const run = (cwd: string, parameters: readonly string[]): Promise<Printed> =>
  new Promise((resolve) => {
    const env = { PATH: process.env.PATH, HOME: cwd, LC_ALL: 'C.UTF-8' }
    execFile('docker-compose', [...parameters], { cwd, env, timeout: 30_000 }, (error, stdout, stderr) =>
      resolve(error === null ? { ok: true, text: stdout } : { ok: false, why: stderr }),
    )
  })
