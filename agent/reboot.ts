/** Starts the machine anew, by the program that the configuration names. */
import { spawn } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { LongshoreError } from '../src/protocol/reason.ts'

export type RebootMachine = {
  /** @throws LongshoreError config-invalid: there is no such program */
  readonly check: () => Promise<void>
  /** Resolves when the program has ended well; the machine goes then. @throws LongshoreError internal-error */
  readonly reboot: () => Promise<void>
}

const timeoutMs = 30_000

/** @param command a program and its arguments; no shell reads it */
export const rebootBy = (command: readonly string[]): RebootMachine => {
  const [program = '', ...parameters] = command
  return {
    check: async () => {
      if (!(await isExecutable(program)))
        throw new LongshoreError('config-invalid', `rebootCommand: there is no program ${program} on this device`)
    },
    reboot: () =>
      new Promise((resolve, reject) => {
        const fail = (why: string): void => reject(new LongshoreError('internal-error', `${command.join(' ')} ${why}`))
        const child = spawn(program, parameters, { stdio: 'ignore', timeout: timeoutMs })
        child.once('error', (error) => fail(`could not be started: ${error.message}`))
        child.once('exit', (code, signal) => (code === 0 ? resolve() : fail(`ended with ${code ?? signal}`)))
      }),
  }
}

const isExecutable = async (program: string): Promise<boolean> => {
  if (program === '') return false
  const paths = program.includes('/')
    ? [program]
    : (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, program))
  const found = await Promise.all(
    paths.map((path) =>
      access(path, constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  )
  return found.includes(true)
}
