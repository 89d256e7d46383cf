/** Digests over canonical JSON (RFC 8785), so that equal content has one name everywhere. */
import { createHash } from 'node:crypto'
import canonicalizeModule from 'canonicalize'

// The package is CommonJS with a default export, which Node and TypeScript see differently.
const canonicalize = canonicalizeModule as unknown as (value: unknown) => string | undefined

/** RFC 8785 text of a JSON value. Throws on what JSON cannot say: NaN, Infinity, a lone surrogate, undefined itself. */
export const canonicalJson = (value: unknown): string => {
  const text = canonicalize(value)
  if (text === undefined) throw new TypeError('this value has no JSON form')
  return text
}

/** `sha256:…` over the canonical JSON of a value. */
export const digestOf = (value: unknown): string =>
  `sha256:${createHash('sha256').update(canonicalJson(value)).digest('hex')}`

/** The name of a release: its Compose model, and of each file beside it the content's digest and the mode. */
export const releaseDigest = (release: {
  readonly compose: unknown
  readonly files: Readonly<Record<string, { readonly sha256: string; readonly mode: string }>>
}): string => {
  const files = Object.fromEntries(
    Object.entries(release.files).map(([path, { sha256, mode }]) => [path, { sha256, mode }]),
  )
  return digestOf({ compose: release.compose, files })
}
