/** Which registry an image reference is of, and what it is called on a mirror. Pure. */
import { own } from '../../src/defined.ts'

/**
 * Host and port; `docker.io` where the reference names none. The first part is a registry only if it has a dot, a port, or
 * is localhost, as every engine reads it.
 */
export const registryOf = (reference: string): string => split(reference).registry

/** Mirrors by registry, each `host[:port][/prefix]`; under `*` those of every registry that has no entry of its own. */
export type RegistryMirrors = Readonly<Record<string, readonly string[]>>

/** The reference as each mirror of its registry has it, in order. */
export const mirrorReferences = (reference: string, mirrors: RegistryMirrors): string[] => {
  const { registry, path } = split(reference)
  return (own(mirrors, registry) ?? mirrors['*'] ?? []).map((mirror) => `${mirror}/${path}`)
}

/** Such a reference names content: no tag can be given the name, and nobody can change what it means. */
export const isByDigest = (reference: string): boolean => reference.includes('@')

/** The same for every way to write it: with its registry, and with a tag unless it has a digest. */
export const fullReference = (reference: string): string => {
  const { registry, path } = split(reference)
  return `${registry}/${path}${isByDigest(path) || path.includes(':') ? '' : ':latest'}`
}

/** With its registry, without tag and digest. */
export const repositoryOf = (reference: string): string => {
  const { registry, path } = split(reference)
  return `${registry}/${path.replace(/@.*$/, '').replace(/:[^/]*$/, '')}`
}

const split = (reference: string): { readonly registry: string; readonly path: string } => {
  const [first = '', ...rest] = reference.split('/')
  const isNamed = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost')
  if (isNamed && !hubNames.has(first)) return { registry: first, path: rest.join('/') }
  const path = isNamed ? rest.join('/') : reference
  // On Docker Hub a name without a folder lies in this one.
  return { registry: 'docker.io', path: path.includes('/') ? path : `library/${path}` }
}

const hubNames: ReadonlySet<string> = new Set(['docker.io', 'index.docker.io'])
