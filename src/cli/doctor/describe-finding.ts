/** A finding as people read it: one line where all is well. */
import { pad, paint } from '../output.ts'
import type { Finding, Verdict } from './finding.ts'

const marks: Readonly<Record<Verdict, () => string>> = {
  ok: () => paint('green', 'ok'),
  note: () => paint('yellow', 'note'),
  fails: () => paint('red', 'fails'),
}

export const describeFinding = ({ check, verdict, found, meaning, remedy }: Finding): string =>
  [
    `${pad(marks[verdict](), 5)}  ${check}: ${found}`,
    ...(meaning === undefined ? [] : [`       ${meaning}`]),
    ...(remedy === undefined ? [] : [`       → ${remedy}`]),
  ].join('\n')
