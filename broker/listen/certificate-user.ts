/** The name of whom a client certificate was issued to. Pure. */
import type { PeerCertificate } from 'node:tls'

export type Subject = Pick<PeerCertificate, 'subject' | 'subjectaltname'>

/** undefined where there is none, or more than one: which of them was meant nobody could tell. */
export const certificateUser = ({ subject, subjectaltname = '' }: Subject, from: 'cn' | 'uri'): string | undefined => {
  const names: readonly unknown[] = from === 'uri' ? urisOf(subjectaltname) : [subject?.CN].flat()
  const [name] = names
  return names.length === 1 && typeof name === 'string' && name !== '' ? name : undefined
}

/** Node writes what could be taken for another name as a JSON string. */
const urisOf = (names: string): string[] =>
  [...names.matchAll(/(?:^|, )URI:(?:("(?:[^"\\]|\\.)*")|([^",]*))(?=, |$)/g)].map(([, quoted, plain]) =>
    quoted === undefined ? (plain ?? '') : String(JSON.parse(quoted)),
  )
