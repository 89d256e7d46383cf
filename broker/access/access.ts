/**
 * Who each client is and what it may do: found out once, when it connects, and kept for as long as its connection lasts.
 * Of whom the files say something else afterwards, the connection is closed; it comes back as what it is then.
 */
import type { Client } from 'aedes'
import { defined } from '../../src/defined.ts'
import { tokenUserPrefix } from '../../src/pki/token.ts'
import type { Asker } from '../enrolment/certifier.ts'
import type { Site } from '../enrolment/open-site.ts'
import type { Peer } from '../listen/open-listener.ts'
import { sessionOperation } from '../persistence/operation.ts'
import type { Store } from '../persistence/store.ts'
import type { Refusal, Refusals } from '../refusals.ts'
import type { Accounts } from './accounts.ts'
import { judgeClientId } from './client-ids.ts'
import { createMinuteQuota } from './minute-quota.ts'
import { createPasswordCheck } from './password-check.ts'
import {
  allRights,
  mayPublish,
  mayRead,
  mayRetain,
  maySubscribe,
  type Rights,
  rightsOf,
  tokenRights,
} from './rights.ts'

/** What stands in CONNECT. */
export type Login = {
  readonly user: string | undefined
  readonly password: Uint8Array | undefined
  readonly willTopic: string | undefined
}

/** `returnCode`: of CONNACK, section 3.2.2.3. */
export type Denial = {
  readonly returnCode: 2 | 3 | 4 | 5
  readonly refusal: Refusal
  readonly message: string
  /** where a refusal has several */
  readonly why?: string
}

type Admitted = {
  readonly client: Client
  /** undefined: it has no name, on a listener that lets such in */
  readonly user: string | undefined
  readonly by: 'anonymous' | 'password' | 'certificate' | 'token'
  /** of its certificate */
  readonly serial?: string | undefined
  readonly token?: string
  readonly rights: Rights
}

type Identity = Pick<Admitted, 'user' | 'by' | 'serial' | 'token'>

export type Access = ReturnType<typeof createAccess>

export const createAccess = (input: {
  readonly accounts: Accounts
  /** undefined: there are no tokens, and nothing is revoked */
  readonly site: Pick<Site, 'tokenFault' | 'isRevoked'> | undefined
  readonly maxFailedLogins: number
  readonly store: Store
  readonly peerOf: (client: Client) => Peer | undefined
  readonly refusals: Refusals
  readonly monotonicMs: () => number
}) => {
  const { accounts, site, store, monotonicMs } = input
  const failedLogins = createMinuteQuota(input.maxFailedLogins)
  const judgePassword = createPasswordCheck(failedLogins, monotonicMs)
  const admitted = new WeakMap<Client, Admitted>()
  /** by client id */
  const holders = new Map<string, Admitted>()

  const isRevoked = ({ user, by, serial }: Identity): boolean =>
    user !== undefined && by === 'certificate' && site?.isRevoked(user, serial ?? '') === true

  const identify = async (peer: Peer, { user, password }: Login): Promise<Identity | Denial> => {
    const takes = peer.listener.authentication
    if (peer.certificateUser !== undefined) {
      const { certificateUser: user, certificateSerial: serial } = peer
      return { user, by: 'certificate', serial }
    }
    if (site !== undefined && takes.includes('token') && user?.startsWith(tokenUserPrefix) === true)
      return await judgeToken(site, peer.address, user, password)
    const isNamed = user !== undefined && takes.includes('password')
    if (!isNamed && takes.includes('anonymous')) return { user: undefined, by: 'anonymous' }
    if (!isNamed) return denial(5, 'badLogin', `${peer.listener.name} lets in nobody without a ${takes.join(' or ')}`)
    const hash = accounts.passwords().get(user)
    const verdict = await judgePassword({ password: password ?? Buffer.alloc(0), hash, address: peer.address })
    if (verdict === 'too-many') return tooMany
    // It may have been changed while this one waited.
    const isRight = verdict === 'right' && accounts.passwords().get(user) === hash
    return isRight ? { user, by: 'password' } : denial(4, 'badLogin', 'the user name or the password is wrong')
  }

  const judgeToken = async (
    { tokenFault }: Pick<Site, 'tokenFault'>,
    address: string,
    user: string,
    password: Uint8Array | undefined,
  ): Promise<Identity | Denial> => {
    if (!failedLogins.isLeft(address, monotonicMs())) return tooMany
    const token = user.slice(tokenUserPrefix.length)
    const fault = await tokenFault(token, Buffer.from(password ?? []).toString())
    if (fault === undefined) return { user, by: 'token', token }
    failedLogins.spend(address, monotonicMs())
    return denial(5, 'badToken', fault, fault.slice(0, 20))
  }

  const rightsOfIdentity = ({ user, token }: Identity, clientId: string): Rights | undefined => {
    if (token !== undefined) return tokenRights(accounts.access(), token, clientId)
    return user === undefined ? allRights : rightsOf(accounts.access(), user, clientId)
  }

  const judge = (client: Client, identity: Identity, { willTopic }: Login): Rights | Denial => {
    const { user } = identity
    if (isRevoked(identity)) return denial(5, 'revokedCertificate', `the certificate of ${user} was revoked`, user)
    const rights = rightsOfIdentity(identity, client.id)
    if (rights === undefined) return denial(5, 'notAllowed', 'this user may not connect, or has no name for a device')
    const session = store.state.sessions.get(client.id)
    const ownId = rights.kind === 'all' ? undefined : rights.clientId
    const id = judgeClientId({ clientId: client.id, user, ownId, holder: holders.get(client.id), session })
    if (!id.ok) return denial(2, 'foreignClientId', id.message)
    if (rights.kind === 'some' && rights.leavesNothing === true && (!client.clean || willTopic !== undefined))
      return denial(5, 'notAllowed', 'a token has no session, and no will')
    if (willTopic !== undefined && !mayPublish(rights, willTopic))
      return denial(5, 'notAllowed', `its will is on ${willTopic}, where it may not publish`)
    if (session !== undefined && id.isSessionStrange) store.change({ kind: 'forget', session: session.number })
    else if (session !== undefined && session.owner !== user)
      store.change(sessionOperation(session.number, client.id, user))
    return rights
  }

  const admit = (admission: Admitted): void => {
    const { client } = admission
    admitted.set(client, admission)
    holders.set(client.id, admission)
    client.conn.once('close', () => {
      if (holders.get(client.id) === admission) holders.delete(client.id)
    })
  }

  const may = (judgeRights: (rights: Rights, topic: string) => boolean) => (client: Client, topic: string) => {
    const rights = admitted.get(client)?.rights
    return rights !== undefined && judgeRights(rights, topic)
  }

  return {
    /** undefined: it may come in. */
    admit: async (client: Client, login: Login): Promise<Denial | undefined> => {
      const peer = input.peerOf(client)
      if (peer === undefined) return gone
      const refuse = (denied: Denial, user: string | undefined): Denial => {
        const facts = {
          client: client.id,
          user: user?.slice(0, 100),
          address: peer.shown,
          listener: peer.listener.name,
        }
        input.refusals.note(denied.refusal, facts, `connection refused: ${denied.message}`, denied.why)
        return denied
      }
      const identity = await identify(peer, login)
      if ('refusal' in identity) return refuse(identity, login.user)
      if (client.closed) return gone
      // From here on nothing is waited for, so that of two with one client id each sees the other.
      const rights = judge(client, identity, login)
      if ('refusal' in rights) return refuse(rights, identity.user)
      admit({ client, ...identity, rights })
      return undefined
    },
    mayPublish: may(mayPublish),
    mayRetain: may(mayRetain),
    maySubscribe: may(maySubscribe),
    mayRead: may(mayRead),
    userOf: (client: Client): string | undefined => admitted.get(client)?.user,
    /** For the authority: whom the broker let in, and by what. */
    askerOf: (client: Client): Asker => {
      const found = admitted.get(client)
      const rights = found?.rights
      const device = found?.by === 'certificate' && rights?.kind === 'some' ? rights.clientId : undefined
      const address = input.peerOf(client)?.address ?? 'unknown'
      return { client: client.id, address, ...defined({ device, serial: found?.serial, token: found?.token }) }
    },
    /** Of who asked for what he does not get: it counts as a wrong password does. */
    failed: (address: string): void => failedLogins.spend(address, monotonicMs()),
    /** Closes who came with a certificate that is revoked now. */
    closeRevoked: (): void => {
      for (const admission of holders.values()) if (isRevoked(admission)) admission.client.close()
    },
    ownerOf: (clientId: string): string | undefined => holders.get(clientId)?.user,
    /** Closes whose password or rights are others now. */
    closeOthers: (what: 'password' | 'access', isOther: (user: string) => boolean): void => {
      for (const { client, user, by } of holders.values())
        if (user !== undefined && (what === 'access' || by === 'password') && isOther(user)) client.close()
    },
  }
}

const denial = (returnCode: Denial['returnCode'], refusal: Refusal, message: string, why = ''): Denial => ({
  returnCode,
  refusal,
  message,
  why,
})

const tooMany = denial(3, 'maxFailedLogins', 'too many wrong passwords came from this address')

const gone = denial(3, 'badLogin', 'the connection is gone')
