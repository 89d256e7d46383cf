/** Short ways to write a Compose file and to look at what became of it. */
import { type ComposeSource, readCompose } from '../../src/compose/read.ts'

export const read = (text: string, source: Partial<ComposeSource> = {}) =>
  readCompose({ file: 'compose.yaml', app: 'demo', variables: {}, readFile: () => undefined, ...source, text })

export const modelOf = (text: string, source: Partial<ComposeSource> = {}) => {
  const result = read(text, source)
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.faults, null, 2)}`)
  return result.model
}

export const faultsOf = (text: string, source: Partial<ComposeSource> = {}) => {
  const result = read(text, source)
  if (result.ok) throw new Error(`accepted: ${JSON.stringify(result.model)}`)
  return result.faults
}

/** A file with one service, of which one line is given. */
export const withKey = (line: string, rest = ''): string => `services:\n  web:\n    image: nginx\n    ${line}\n${rest}`

/** What the one key of the one service became. */
export const keyOf = (key: string, written: string, source: Partial<ComposeSource> = {}): unknown =>
  modelOf(withKey(`${key}: ${written}`, 'volumes: {data: }\nnetworks: {front: , back: }\n'), source).services.web?.[key]

/** `code line:column path` of each fault. */
export const summary = (text: string, source: Partial<ComposeSource> = {}): string[] =>
  faultsOf(text, source).map(({ code, place, path }) => `${code} ${place.line}:${place.column} ${path}`)
