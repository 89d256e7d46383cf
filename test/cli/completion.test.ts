import { execFileSync } from 'node:child_process'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createProgram } from '../../src/cli/program.ts'

test('the completion script is valid bash and knows every command', async () => {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  onTestFinished(() => write.mockRestore())
  const program = createProgram()
  await program.parseAsync(['node', 'longshore', 'completion', 'bash'])
  const script = write.mock.calls.map(([text]) => text).join('')
  execFileSync('bash', ['-n'], { input: script })
  for (const command of program.commands) expect(script).toContain(`${command.name()})`)

  const complete = (...words: string[]): string[] =>
    execFileSync('bash', [
      ...['-c', `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _longshore; printf '%s\\n' "\${COMPREPLY[@]}"`],
      ...['bash', 'longshore', ...words],
    ])
      .toString()
      .trim()
      .split('\n')
  expect(complete('secr')).toEqual(['secret'])
  expect(complete('secret', '')).toEqual(['set', 'ls', 'rm', 'trust', '--help'])
  expect(complete('secret', 'set', 'shop', 'password', '--d')).toEqual(['--device'])
  expect(complete('secret', 'trust', '--y')).toEqual(['--yes'])
  expect(complete('devices', 'forget', '--f')).toEqual(['--force'])
})
