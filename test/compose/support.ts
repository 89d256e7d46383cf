/** Short ways to write a Compose file and to look at what became of it. */
import { posix } from 'node:path'
import { type ComposeSource, readCompose } from '../../src/compose/read.ts'

export const read = (text: string, source: Partial<ComposeSource> = {}) =>
  readCompose({
    app: 'demo',
    variables: {},
    readFile: () => undefined,
    folder: '/project',
    shownFolder: '',
    profiles: [],
    files: [{ file: 'compose.yaml', text }],
    ...source,
  })

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

/**
 * A project of files as they lie in /project: those named, or all, are given in their order; the others can be
 * extended and included.
 */
export const readFiles = (
  texts: Readonly<Record<string, string>>,
  { given = Object.keys(texts), ...source }: Partial<ComposeSource> & { given?: readonly string[] } = {},
) =>
  read('', {
    files: given.map((file) => ({ file, text: texts[file] ?? '', path: `/project/${file}` })),
    readFile: (path) => {
      const name = posix.relative('/project', posix.resolve('/project', path))
      return Object.hasOwn(texts, name) ? texts[name] : undefined
    },
    ...source,
  })

export const modelOfFiles = (...input: Parameters<typeof readFiles>) => {
  const result = readFiles(...input)
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.faults, null, 2)}`)
  return result.model
}

/** `code file:line:column message` of each fault. */
export const faultsOfFiles = (...input: Parameters<typeof readFiles>): string[] => {
  const result = readFiles(...input)
  if (result.ok) throw new Error(`accepted: ${JSON.stringify(result.model)}`)
  return result.faults.map(
    ({ code, place, message }) => `${code} ${place.file}:${place.line}:${place.column} ${message}`,
  )
}
