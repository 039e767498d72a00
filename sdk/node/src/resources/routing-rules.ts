import type { RequestOptions } from "../http.js"
import type { List, PageParams } from "../pages.js"
import type { Known, Message, Mode, Moment } from "../types.js"
import { part, toWire } from "../wire.js"
import { wireMessage } from "./emails.js"
import { Resource } from "./resource.js"

export type Strategy = Known<"priority" | "weighted" | "round_robin" | "failover_only">

/** One value of a condition, or several of which one is enough. */
export type OneOrMany = string | string[] | null

export interface RuleConnection {
  providerConnectionId: string
  priority?: number
  weight?: number
  failoverOnly?: boolean
}

export interface RuleFields {
  name: string
  strategy: Strategy
  isDefault?: boolean
  isActive?: boolean
  position?: number
  matchFromDomain?: OneOrMany
  matchRecipientDomain?: OneOrMany
  matchTag?: OneOrMany
  matchLane?: OneOrMany
  matchMetadata?: Record<string, string> | null
  connections?: RuleConnection[]
}

export interface RoutingRule {
  id: string
  name: string
  strategy: Strategy
  is_default: boolean
  is_active: boolean
  position: number
  match_from_domain: OneOrMany
  match_recipient_domain: OneOrMany
  match_tag: OneOrMany
  match_lane: OneOrMany
  match_metadata: Record<string, string> | null
  connections: {
    routing_rule_provider_id: string
    provider_connection_id: string
    provider: string | null
    display_name: string | null
    priority: number | null
    weight: number | null
    failover_only: boolean
    status: string | null
  }[]
  connection_count: number
  created_at: Moment
  updated_at: Moment
}

/** Where a message would go. */
export interface Explanation {
  mode: Mode
  rule: { id: string; name: string; is_default: boolean } | null
  strategy: Strategy
  tiers: Record<string, unknown>[][]
  decision: {
    action: Known<"send" | "wait" | "fail" | "suppress">
    recipients: string[]
    until: Moment | null
    given_up: string[]
    provider_connection_id?: string
    provider?: string | null
    display_name?: string | null
  }
  suppressed: string[] | null
  /** Why it would not even be accepted. */
  refused: { code: string; message: string } | null
}

export class RoutingRules extends Resource {
  /** In their order. */
  list(params?: PageParams, options?: RequestOptions): List<RoutingRule> {
    return this.pages("/routing_rules", params, options)
  }

  get(id: string, options?: RequestOptions): Promise<RoutingRule> {
    return this.read(`/routing_rules/${part(id)}`, options)
  }

  create(rule: RuleFields, options?: RequestOptions): Promise<RoutingRule> {
    return this.make("/routing_rules", wireRule(rule), options)
  }

  update(id: string, changes: Partial<RuleFields>, options?: RequestOptions): Promise<RoutingRule> {
    return this.change(`/routing_rules/${part(id)}`, wireRule(changes), options)
  }

  delete(id: string, options?: RequestOptions): Promise<void> {
    return this.drop(`/routing_rules/${part(id)}`, options)
  }

  /** Where a message would go, and why; sends nothing. */
  explain(message: Pick<Message, "from" | "to"> & Partial<Message>, options?: RequestOptions): Promise<Explanation> {
    return this.act("/routing/explain", wireMessage(message), options)
  }
}

function wireRule(fields: Partial<RuleFields>): Record<string, unknown> {
  const wire = toWire(fields)
  if (fields.connections) wire.connections = fields.connections.map(toWire)
  return wire
}
