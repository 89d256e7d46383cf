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
})
