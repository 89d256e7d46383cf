/** Keys by which a service takes part in something of another one: modes with `service:NAME`, `volumes_from`, `links`. */
import { quote } from './authored.ts'
import type { Reader } from './context.ts'
import { readInOrder } from './read-host.ts'
import { readFilledText, readSet, readText, wrongType } from './read-values.ts'

/** One of the words, or `service:NAME`. */
export const readMode =
  (...words: readonly string[]): Reader<string> =>
  (node, context) => {
    const text = readText(node, context)
    if (text === undefined || words.includes(text) || /^service:[A-Za-z0-9][A-Za-z0-9_-]*$/.test(text)) return text
    const isContainer = text.startsWith('container:')
    const wanted = `${words.join(', ')} or service:NAME`
    return wrongType(node, context, wanted, isContainer ? 'name a service of this file: service:NAME' : undefined)
  }

/** In their order: where two have a volume at one place, the later one counts. `:rw` is what no mode means. */
export const readVolumesFrom: Reader<string[]> = readInOrder((node, context) => {
  const text = readFilledText(node, context)
  if (text === undefined) return undefined
  const [, service, mode] = /^([A-Za-z0-9][A-Za-z0-9_-]*)(?::(ro|rw))?$/.exec(text) ?? []
  if (service !== undefined) return mode === 'ro' ? `${service}:ro` : service
  const isContainer = text.startsWith('container:')
  return context.fault(
    node,
    'value-invalid',
    `${quote(text)} is not a service of this file`,
    isContainer ? 'name a service of this file, or a volume under volumes' : 'write SERVICE, SERVICE:ro or SERVICE:rw',
  )
})

/** A service is known by its own name on its networks anyway. */
export const readLinks: Reader<string[]> = readSet((node, context) => {
  const text = readFilledText(node, context)
  if (text === undefined) return undefined
  const [, service, alias = service] =
    /^([A-Za-z0-9][A-Za-z0-9_-]*)(?::([A-Za-z0-9][A-Za-z0-9_.-]*))?$/.exec(text) ?? []
  if (service === undefined) return wrongType(node, context, 'SERVICE or SERVICE:ALIAS')
  if (alias === service) return service
  context.note(
    node,
    `alias ${alias} of service ${service} is known to every service on its networks, not to this one only`,
  )
  return `${service}:${alias}`
})
