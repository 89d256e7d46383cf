import { expect, onTestFinished, test, vi } from 'vitest'
import { cut, exitCodeOf, showError, table } from '../../src/cli/output.ts'
import { FilesError } from '../../src/project/files-error.ts'
import { codeNames } from '../../src/protocol/codes.ts'

test('what an operator wrote wrong is 2, silence is 3, and every other code is 1', () => {
  const codesOf = (exitCode: number) => codeNames.filter((code) => exitCodeOf(code) === exitCode)
  expect(codesOf(3)).toEqual(['broker-unreachable', 'agent-unreachable', 'no-answer'])
  expect(codesOf(2)).toContain('key-unsupported')
  expect(codesOf(2)).toContain('usage')
  for (const code of ['superseded', 'not-retained', 'broker-refused', 'broker-untrusted', 'link-down'] as const)
    expect(codesOf(1)).toContain(code)
  expect(exitCodeOf('a-code-of-tomorrow')).toBe(1)
})

test('columns are as wide as their widest cell, colour not counted, and no line ends in spaces', () => {
  const lines = table(['A', 'B'], [['\u001b[32mgreen\u001b[39m', 'x'], ['y']]).split('\n')
  expect(lines).toEqual(['A      B', '\u001b[32mgreen\u001b[39m  x', 'y'])
})

test('a line is cut to the width that is seen', () => {
  expect(cut('short', 5)).toBe('short')
  expect(cut('much too long', 5)).toBe('much…')
  expect(cut('\u001b[32mgreen\u001b[39m and more', 8)).toBe('\u001b[32mgreen\u001b[39m a…')
})

test('files that cannot travel are listed with where they are named and what to do', () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  vi.stubEnv('NO_COLOR', '1')
  onTestFinished(() => {
    write.mockRestore()
    vi.unstubAllEnvs()
  })
  const fault = {
    code: 'file-unsuitable',
    path: 'run',
    at: 'services.web.volumes[0]',
    message: 'run is a pipe',
  } as const
  expect(showError(new FilesError([fault, { ...fault, remedy: 'away with it' }]), false)).toBe(2)
  expect(write.mock.calls.map(([text]) => text)).toEqual([
    'error: services.web.volumes[0]: run is a pipe\n',
    '  mend or remove it, or name it in .longshoreignore [file-unsuitable]\n',
    'error: services.web.volumes[0]: run is a pipe\n',
    '  away with it [file-unsuitable]\n',
  ])
})
