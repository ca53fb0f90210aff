/** The operator's rights exactly as its chart gives them, on an API server of one's own. */
import { kinds } from '../../../operator/kubernetes/kinds.ts'
import { pathOf } from '../../../operator/kubernetes/object.ts'
import { render, type Values } from '../../chart/helm.ts'
import { type ControlPlane, rightsKinds } from './control-plane.ts'

/** Namespace that the chart is rendered for. */
export const chartNamespace = 'apps'

/** Name of the Lease of a release of that chart as it is rendered. */
export const chartLease = 'release-ftp-operator'

export type Rights = {
  /** Of the chart's service account. */
  readonly token: string
  revoke(): Promise<void>
}

/** The namespaces that the values name must be there. */
export async function grantChartRights(plane: ControlPlane, values: Values): Promise<Rights> {
  const rendered = await render('ftp-operator', values)
  const account = rendered.find(({ kind }) => kind === 'ServiceAccount')
  const rights = rendered.filter(({ kind }) => rightsKinds.some(each => each.kind === kind))
  await plane.apply(...(account === undefined ? [] : [account]), ...rights)
  const answer = (await plane.transport.request({
    method: 'POST',
    path: `${pathOf(kinds.serviceAccount, { namespace: chartNamespace, name: account?.metadata.name })}/token`,
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
    deadlineSeconds: 20,
    retry: false,
  })) as { readonly status: { readonly token: string } }
  return {
    token: answer.status.token,
    async revoke() {
      for (const { kind, metadata } of rights) {
        const found = rightsKinds.find(each => each.kind === kind)
        if (found !== undefined) await plane.cluster.delete(found, metadata)
      }
    },
  }
}
