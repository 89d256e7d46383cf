/** `networks` of a service, and `depends_on`. */
import { isNull } from './authored.ts'
import type { Reader } from './context.ts'
import type { Service } from './model.ts'
import { readAddress, readHardwareAddress, readIpv4, readIpv6 } from './read-addresses.ts'
import { readOptions } from './read-definitions.ts'
import { readShape } from './read-shape.ts'
import {
  readBoolean,
  readEntries,
  readFilledText,
  readInteger,
  readOneOf,
  readSet,
  readSwitch,
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

const readAttachment = readShape('attachment', {
  aliases: readSet(readFilledText),
  ipv4_address: readIpv4,
  ipv6_address: readIpv6,
  link_local_ips: readSet(readAddress),
  mac_address: readHardwareAddress,
  driver_opts: readOptions,
  // Absent is 0, and both are one.
  priority: (node, context) => readInteger(Number.MIN_SAFE_INTEGER)(node, context) || undefined,
})

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
