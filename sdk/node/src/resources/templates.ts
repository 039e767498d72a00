import type { RequestOptions } from "../http.js"
import type { List, PageParams } from "../pages.js"
import type { Known, Moment } from "../types.js"
import { part, toWire } from "../wire.js"
import { Resource } from "./resource.js"

export type TemplateStatus = Known<"draft" | "active" | "archived">
export type TemplateCategory = Known<"transactional" | "marketing" | "notification" | "onboarding">

export interface TemplateFilter extends PageParams {
  status?: TemplateStatus
  category?: TemplateCategory
  /** A part of the name. */
  q?: string
}

export interface TemplateVariable {
  name: string
  default?: unknown
  required?: boolean
}

export interface TemplateFields {
  name: string
  description?: string | null
  subject?: string | null
  html?: string | null
  text?: string | null
  category?: TemplateCategory
  /** `active` publishes. */
  status?: TemplateStatus
  variables?: (string | TemplateVariable)[] | null
  metadata?: Record<string, unknown> | null
}

/** A template, as lists have it. */
export interface TemplateItem {
  id: string
  name: string
  description: string | null
  subject: string
  category: TemplateCategory
  status: TemplateStatus
  /** The number of what is published; 0 if nothing is. */
  version: number
  has_draft: boolean
  published_at: Moment | null
  variables: TemplateVariable[]
  created_at: Moment
  updated_at: Moment
}

/** A template with its texts. */
export interface Template extends TemplateItem {
  html_body: string | null
  text_body: string | null
  found_variables: string[]
  metadata: Record<string, unknown>
}

export interface TemplatePreview {
  subject: string
  html_body: string | null
  text_body: string | null
  missing_variables: string[]
  unused_variables: string[]
}

export class Templates extends Resource {
  /** By name, without texts. */
  list(filter?: TemplateFilter, options?: RequestOptions): List<TemplateItem> {
    return this.pages("/email_templates", filter, options)
  }

  get(id: string, options?: RequestOptions): Promise<Template> {
    return this.read(`/email_templates/${part(id)}`, options)
  }

  create(template: TemplateFields, options?: RequestOptions): Promise<Template> {
    return this.make("/email_templates", toWire(template), options)
  }

  /** Changed texts are a draft until they are published. */
  update(id: string, changes: Partial<TemplateFields>, options?: RequestOptions): Promise<Template> {
    return this.change(`/email_templates/${part(id)}`, toWire(changes), options)
  }

  delete(id: string, options?: RequestOptions): Promise<void> {
    return this.drop(`/email_templates/${part(id)}`, options)
  }

  /** Fills it, and sends nothing. */
  preview(
    id: string,
    input: { variables?: Record<string, unknown>; version?: number } = {},
    options?: RequestOptions,
  ): Promise<TemplatePreview> {
    return this.act(`/email_templates/${part(id)}/preview`, input, options)
  }

  duplicate(id: string, input: { name?: string } = {}, options?: RequestOptions): Promise<Template> {
    return this.make(`/email_templates/${part(id)}/duplicate`, input, options)
  }

  /** Publishes the draft, or an earlier version once more. */
  publish(id: string, input: { version?: number } = {}, options?: RequestOptions): Promise<Template> {
    return this.make(`/email_templates/${part(id)}/publish`, input, options)
  }
}
