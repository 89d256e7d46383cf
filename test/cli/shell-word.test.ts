import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { shellWord } from '../../src/cli/shell-word.ts'

test.each(['/var/lib/site', '/my site/it\'s "$HOME".yaml', '', '*', '-n'])('%s is one word to a shell', (text) => {
  expect(execFileSync('sh', ['-c', `printf '%s|' ${shellWord(text)}`], { encoding: 'utf8' })).toBe(`${text}|`)
})
