//! From the parser's tree to a [`Node`] tree.
//!
//! It names what it accepts. Whatever the parser may learn in future versions is refused until it is
//! written here, and a misspelt helper is found when the template is saved rather than when it is sent.

use handlebars::template::{BlockParam, HelperTemplate, Parameter, Template as Parsed, TemplateElement};

use super::TemplateError;
use super::program::{Expression, Function, Node, Path, Scoped};
use super::reduce::Reduced;

/// Translates what was parsed from `reduced`, which stands for `source`.
pub(super) fn lower(parsed: &Parsed, reduced: &Reduced, source: &str) -> Result<Vec<Node>, TemplateError> {
    Lowering { reduced, source, position: (1, 1) }.nodes(parsed)
}

struct Lowering<'a> {
    reduced: &'a Reduced,
    source: &'a str,
    /// Where the parser saw the last tag whose position it kept.
    position: (usize, usize),
}

impl Lowering<'_> {
    fn nodes(&mut self, parsed: &Parsed) -> Result<Vec<Node>, TemplateError> {
        let mut nodes = Vec::with_capacity(parsed.elements.len());
        for (index, element) in parsed.elements.iter().enumerate() {
            if let Some(position) = parsed.mapping.get(index) {
                self.position = (position.0, position.1);
            }
            nodes.extend(self.node(element)?);
        }
        Ok(nodes)
    }

    fn node(&mut self, element: &TemplateElement) -> Result<Option<Node>, TemplateError> {
        Ok(match element {
            TemplateElement::RawString(text) => self.text(text),
            TemplateElement::Comment(_) => None,
            TemplateElement::Expression(tag) => Some(Node::Print { value: self.printed(tag)?, escape: true }),
            TemplateElement::HtmlExpression(tag) => {
                Some(Node::Print { value: self.printed(tag)?, escape: false })
            }
            TemplateElement::HelperBlock(tag) => Some(self.block(tag)?),
            TemplateElement::DecoratorExpression(_) | TemplateElement::DecoratorBlock(_) => {
                return Err(self.unsupported("decorators"));
            }
            TemplateElement::PartialExpression(_) | TemplateElement::PartialBlock(_) => {
                return Err(self.unsupported("partials"));
            }
            _ => return Err(self.unsupported("such tags")),
        })
    }

    /// The text whose number stands in `numbered`, in the white space that Handlebars left around it.
    fn text(&self, numbered: &str) -> Option<Node> {
        let number = numbered.trim();
        let text = match number.parse::<usize>().ok().and_then(|number| self.reduced.texts.get(number)) {
            Some(core) => {
                let lead = numbered.len() - numbered.trim_start().len();
                [&numbered[..lead], core, &numbered[lead + number.len()..]].concat()
            }
            None => numbered.to_owned(),
        };
        (!text.is_empty()).then(|| Node::Text(text.into()))
    }

    /// What `{{…}}` prints. A name alone is always data, even if a helper has the same name.
    fn printed(&self, tag: &HelperTemplate) -> Result<Expression, TemplateError> {
        if tag.params.is_empty() && tag.hash.is_empty() {
            return self.value(&tag.name);
        }
        self.call(tag)
    }

    fn value(&self, parameter: &Parameter) -> Result<Expression, TemplateError> {
        match parameter {
            Parameter::Literal(value) => Ok(Expression::Literal(value.clone())),
            Parameter::Path(parsed) => Ok(Expression::Path(Path::from(parsed))),
            Parameter::Subexpression(inner) => match inner.as_element() {
                TemplateElement::Expression(tag) => self.printed(tag),
                _ => Err(self.unsupported("blocks in sub-expressions")),
            },
            Parameter::Name(name) => Err(self.unknown_helper(name)),
            _ => Err(self.unsupported("such arguments")),
        }
    }

    fn call(&self, tag: &HelperTemplate) -> Result<Expression, TemplateError> {
        use Function as F;

        let name = tag.name.as_name().unwrap_or_default();
        let (function, arguments, usage) = match name {
            "eq" => (F::Equal, 2..=2, "(eq a b)"),
            "ne" => (F::NotEqual, 2..=2, "(ne a b)"),
            "gt" => (F::Greater, 2..=2, "(gt a b)"),
            "gte" => (F::GreaterOrEqual, 2..=2, "(gte a b)"),
            "lt" => (F::Less, 2..=2, "(lt a b)"),
            "lte" => (F::LessOrEqual, 2..=2, "(lte a b)"),
            "and" => (F::And, 1..=usize::MAX, "(and a b …)"),
            "or" => (F::Or, 1..=usize::MAX, "(or a b …)"),
            "not" => (F::Not, 1..=1, "(not a)"),
            "len" => (F::Length, 1..=1, "(len a)"),
            "lookup" => (F::Lookup, 2..=2, "(lookup collection key)"),
            "if" | "unless" | "each" | "with" => {
                return Err(self.usage("if, unless, each and with open a block: {{#if a}}…{{/if}}"));
            }
            unknown => return Err(self.unknown_helper(unknown)),
        };
        if !arguments.contains(&tag.params.len()) || !tag.hash.is_empty() {
            return Err(self.usage(usage));
        }
        let values = tag.params.iter().map(|parameter| self.value(parameter)).collect::<Result<_, _>>()?;
        Ok(Expression::Call(function, values))
    }

    fn block(&mut self, tag: &HelperTemplate) -> Result<Node, TemplateError> {
        let (value, key) = match &tag.block_param {
            Some(BlockParam::Single(value)) => (value.as_name(), None),
            Some(BlockParam::Pair((value, key))) => (value.as_name(), key.as_name()),
            _ => (None, None),
        };
        let names = Names { value, key };
        match tag.name.as_name().unwrap_or_default() {
            "if" => self.condition(tag, false, "{{#if a}}…{{else}}…{{/if}}"),
            "unless" => self.condition(tag, true, "{{#unless a}}…{{else}}…{{/unless}}"),
            "each" => Ok(Node::Each(self.scoped(tag, names, "{{#each list as |item index|}}…{{/each}}")?)),
            "with" if names.key.is_none() => {
                Ok(Node::With(self.scoped(tag, names, "{{#with a as |name|}}…{{/with}}")?))
            }
            "with" => Err(self.usage("{{#with a as |name|}}…{{/with}}")),
            "eq" | "ne" | "gt" | "gte" | "lt" | "lte" | "and" | "or" | "not" if names.value.is_none() => {
                let condition = self.call(tag)?;
                self.branches(tag, condition, false)
            }
            "eq" | "ne" | "gt" | "gte" | "lt" | "lte" | "and" | "or" | "not" | "len" | "lookup" => {
                Err(self.usage("this helper stands in an expression: {{#if (eq a b)}}…{{/if}}"))
            }
            unknown => Err(self.unknown_helper(unknown)),
        }
    }

    fn condition(
        &mut self,
        tag: &HelperTemplate,
        negated: bool,
        usage: &'static str,
    ) -> Result<Node, TemplateError> {
        let zero = match tag.hash.get("includeZero") {
            None => false,
            Some(Parameter::Literal(serde_json::Value::Bool(zero))) => *zero,
            Some(_) => return Err(self.usage("includeZero=true or includeZero=false")),
        };
        let named = usize::from(tag.hash.contains_key("includeZero"));
        let ([subject], true, true) = (&tag.params[..], tag.hash.len() == named, tag.block_param.is_none())
        else {
            return Err(self.usage(usage));
        };
        let condition = Expression::Call(Function::Truthy { zero }, Box::new([self.value(subject)?]));
        self.branches(tag, condition, negated)
    }

    fn branches(
        &mut self,
        tag: &HelperTemplate,
        condition: Expression,
        negated: bool,
    ) -> Result<Node, TemplateError> {
        let mut then = self.optional(tag.template.as_ref())?;
        let mut otherwise = self.optional(tag.inverse.as_ref())?;
        if negated {
            std::mem::swap(&mut then, &mut otherwise);
        }
        Ok(Node::If { condition, then, otherwise })
    }

    fn scoped(
        &mut self,
        tag: &HelperTemplate,
        names: Names<'_>,
        usage: &'static str,
    ) -> Result<Box<Scoped>, TemplateError> {
        let ([subject], true) = (&tag.params[..], tag.hash.is_empty()) else {
            return Err(self.usage(usage));
        };
        Ok(Box::new(Scoped {
            subject: self.value(subject)?,
            value_name: names.value.map(Into::into),
            key_name: names.key.map(Into::into),
            body: self.optional(tag.template.as_ref())?,
            otherwise: self.optional(tag.inverse.as_ref())?,
        }))
    }

    fn optional(&mut self, parsed: Option<&Parsed>) -> Result<Vec<Node>, TemplateError> {
        parsed.map_or_else(|| Ok(Vec::new()), |parsed| self.nodes(parsed))
    }

    fn place(&self) -> (usize, usize) {
        self.reduced.place_of(self.source, self.position)
    }

    fn unsupported(&self, construct: &'static str) -> TemplateError {
        let (line, column) = self.place();
        TemplateError::Unsupported { line, column, construct }
    }

    fn unknown_helper(&self, name: &str) -> TemplateError {
        let (line, column) = self.place();
        TemplateError::UnknownHelper { line, column, name: name.into() }
    }

    fn usage(&self, usage: &'static str) -> TemplateError {
        let (line, column) = self.place();
        TemplateError::Usage { line, column, usage }
    }
}

/// What `as |value key|` names.
#[derive(Clone, Copy)]
struct Names<'t> {
    value: Option<&'t str>,
    key: Option<&'t str>,
}
