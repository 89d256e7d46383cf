/** `networks` of a service, `depends_on`, and the definitions of networks and volumes at top level. */
import { isNull } from './authored.ts'
import type { Reader } from './context.ts'
import type { Model, Service } from './model.ts'
import { readShape } from './read-shape.ts'
import {
  readBoolean,
  readEntries,
  readFilledText,
  readLabels,
  readOneOf,
  readSet,
  readSwitch,
  readText,
  wrongType,
} from './read-values.ts'

/** `[front, back]` or `{front: {aliases: […]}}`. */
export const readAttachments: Reader<NonNullable<Service['networks']>> = (node, context) => {
  const attachments =
    node.kind === 'list'
      ? Object.fromEntries((readSet(readFilledText)(node, context) ?? []).map((name) => [name, {}]))
      : readEntries(node, context, (value) => (isNull(value) ? {} : readAttachment(value, context)))
  return attachments === undefined || Object.keys(attachments).length === 0 ? undefined : attachments
}

const readAttachment = readShape('attachment', { aliases: readSet(readFilledText) })

/** `[db]` or `{db: {condition: service_healthy}}`. */
export const readDependencies: Reader<NonNullable<Service['depends_on']>> = (node, context) => {
  const dependencies =
    node.kind === 'list'
      ? Object.fromEntries(
          (readSet(readFilledText)(node, context) ?? []).map((name) => [name, { condition: 'service_started' }]),
        )
      : readEntries(node, context, (value) => {
          const dependency = readDependency(value, context)
          if (dependency === undefined || dependency.condition !== undefined) return dependency
          if (value.kind === 'map' && !value.entries.some(({ key }) => key === 'condition'))
            wrongType(
              value,
              context,
              'a map with a condition',
              'write condition: service_started, service_healthy or service_completed_successfully',
            )
          return undefined
        })
  if (dependencies === undefined || Object.keys(dependencies).length === 0) return undefined
  return dependencies as NonNullable<Service['depends_on']>
}

const readDependency = readShape('dependency', {
  condition: readOneOf('service_started', 'service_healthy', 'service_completed_successfully'),
  restart: readSwitch,
  required: (node, context) => (readBoolean(node, context) === false ? false : undefined),
})

/** A faulty definition still counts as defined, so that its users are not faulted too. */
export const readNetworkDefinitions: Reader<NonNullable<Model['networks']>> = (node, context) => {
  if (isNull(node)) return undefined
  return readEntries(node, context, (value) => (isNull(value) ? {} : (readNetwork(value, context) ?? {})))
}

export const readVolumeDefinitions: Reader<NonNullable<Model['volumes']>> = (node, context) => {
  if (isNull(node)) return undefined
  return readEntries(node, context, (value) => (isNull(value) ? {} : (readVolume(value, context) ?? {})))
}

const readNetwork = readShape('network', { name: readText, labels: readLabels })
const readVolume = readShape('volume', { name: readText, labels: readLabels })
