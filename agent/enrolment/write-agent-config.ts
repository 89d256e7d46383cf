/** The configuration of the agent with what enrolment found out; what else stands in it, comments too, stays. Pure. */
import { Document, isMap, parseDocument } from 'yaml'
import { LongshoreError } from '../../src/protocol/reason.ts'

export type Enrolled = {
  readonly device: string
  readonly broker: string
  readonly ca: string
  /** key and certificate */
  readonly identity: string
  /** undefined: the usual one */
  readonly state: string | undefined
  readonly root: string | undefined
  readonly labels: Readonly<Record<string, string>>
}

/** @param text undefined: there is no file yet. @throws LongshoreError config-invalid */
export const openAgentConfig = (text: string | undefined, file: string): Document => {
  const document = text === undefined ? new Document({}) : parseDocument(text)
  if (document.contents === null) document.contents = new Document({}).contents
  const [error] = document.errors
  if (error !== undefined) throw new LongshoreError('config-invalid', error.message, { place: { file }, cause: error })
  if (!isMap(document.contents))
    throw new LongshoreError('config-invalid', 'the file is not a map of keys to values', { place: { file } })
  return document
}

export const writeAgentConfig = (document: Document, enrolled: Enrolled): string => {
  const { device, broker, ca, identity, state, root, labels } = enrolled
  const own = { device, broker, ca, cert: identity, key: identity, renewCertificate: true, state, root }
  for (const [key, value] of Object.entries(own)) if (value !== undefined) document.set(key, value)
  // The certificate stands in their place.
  for (const key of ['username', 'passwordFile', 'clientId']) document.delete(key)
  for (const [label, value] of Object.entries(labels)) document.setIn(['labels', label], value)
  return document.toString()
}
