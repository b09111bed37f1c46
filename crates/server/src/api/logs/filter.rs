//! Okta's `filter` of the System Log: a SCIM expression (RFC 7644 section 3.4.2.2) with `eq ne co sw ew pr gt ge lt le`,
//! `and or not` and parentheses, without value paths in brackets. Pure and bounded: a text of [`MAX_LEN`] characters at
//! most, with [`MAX_TERMS`] comparisons, nested [`MAX_DEPTH`] deep.
//!
//! Names and operators are read in any case; texts are compared without regard to case, as SCIM does unless a schema says
//! otherwise. An attribute inside a list (`target.id`) has the values of all elements, and one that fits is enough.

mod field;
mod parse;

use std::cmp::Ordering;

use serde_json::Value;

use field::Field;

/// The longest expression, in characters.
pub const MAX_LEN: usize = 2_000;
/// The most comparisons in one.
pub const MAX_TERMS: usize = 50;
/// The deepest nesting of parentheses.
pub const MAX_DEPTH: usize = 10;

/// What is wrong with a filter. The caller must correct it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// It is longer than [`MAX_LEN`], has more than [`MAX_TERMS`] comparisons or is nested deeper than [`MAX_DEPTH`].
    #[error(
        "the filter is too long or too deep: at most 2000 characters, 50 comparisons, 10 parentheses in each other"
    )]
    TooLarge,
    /// Something else belongs at this place.
    #[error("at character {at}: {expected} was expected")]
    Syntax {
        /// Which character, counted from one.
        at: usize,
        /// What belongs there.
        expected: &'static str,
    },
    /// No event has such an attribute, or it may not stand in a filter.
    #[error("'{0}' cannot be filtered by")]
    UnknownField(String),
    /// There is no such operator.
    #[error("'{0}' is no operator")]
    UnknownOperator(String),
    /// The operator does not fit the attribute.
    #[error("the operator '{operator}' does not fit '{field}'")]
    Unfit {
        /// The operator.
        operator: &'static str,
        /// The attribute.
        field: String,
    },
    /// The value does not fit the attribute.
    #[error("'{field}' is compared with {expected}")]
    Value {
        /// The attribute.
        field: String,
        /// What it is compared with.
        expected: &'static str,
    },
}

/// An operator with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Eq,
    Ne,
    Co,
    Sw,
    Ew,
    Gt,
    Ge,
    Lt,
    Le,
}

impl Operator {
    const ALL: [(&'static str, Self); 9] = [
        ("eq", Self::Eq),
        ("ne", Self::Ne),
        ("co", Self::Co),
        ("sw", Self::Sw),
        ("ew", Self::Ew),
        ("gt", Self::Gt),
        ("ge", Self::Ge),
        ("lt", Self::Lt),
        ("le", Self::Le),
    ];
}

#[derive(Clone, Debug, PartialEq)]
enum Expression {
    Any(Vec<Expression>),
    All(Vec<Expression>),
    Not(Box<Expression>),
    Present(Field),
    Compare(Field, Operator, Literal),
}

/// What an attribute is compared with; text in lower case.
#[derive(Clone, Debug, PartialEq)]
enum Literal {
    Text(String),
    Number(f64),
    Bool(bool),
    Null,
}

/// A filter that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(Expression);

impl Filter {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`FilterError`].
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        parse::parse(text).map(Self)
    }

    /// Whether an event, in the shape of the API, fits.
    #[must_use]
    pub fn fits(&self, event: &Value) -> bool {
        self.0.fits(event)
    }

    /// The transaction that an event must belong to in order to fit, if the filter names one.
    #[must_use]
    pub fn transaction(&self) -> Option<&str> {
        self.0.transaction()
    }
}

impl Expression {
    fn fits(&self, event: &Value) -> bool {
        match self {
            Self::Any(terms) => terms.iter().any(|term| term.fits(event)),
            Self::All(terms) => terms.iter().all(|term| term.fits(event)),
            Self::Not(term) => !term.fits(event),
            Self::Present(field) => !field.values(event).is_empty(),
            Self::Compare(field, operator, literal) => compare(&field.values(event), *operator, literal),
        }
    }

    fn transaction(&self) -> Option<&str> {
        match self {
            Self::All(terms) => terms.iter().find_map(Self::transaction),
            Self::Compare(field, Operator::Eq, Literal::Text(id)) if field.is("transaction.id") => Some(id),
            _ => None,
        }
    }
}

fn compare(values: &[&Value], operator: Operator, literal: &Literal) -> bool {
    match (operator, literal) {
        (Operator::Eq, Literal::Null) => values.is_empty(),
        (Operator::Ne, Literal::Null) => !values.is_empty(),
        (Operator::Ne, literal) => !compare(values, Operator::Eq, literal),
        (operator, literal) => values.iter().any(|value| holds(value, operator, literal)),
    }
}

fn holds(value: &Value, operator: Operator, literal: &Literal) -> bool {
    match (value, literal) {
        (Value::String(text), Literal::Text(wanted)) => {
            let text = text.to_lowercase();
            match operator {
                Operator::Co => text.contains(wanted),
                Operator::Sw => text.starts_with(wanted),
                Operator::Ew => text.ends_with(wanted),
                operator => ordered(text.as_str().cmp(wanted), operator),
            }
        }
        (Value::Number(number), Literal::Number(wanted)) => {
            number.as_f64().and_then(|number| number.partial_cmp(wanted)).is_some_and(|order| ordered(order, operator))
        }
        (Value::Bool(truth), Literal::Bool(wanted)) => ordered(truth.cmp(wanted), operator),
        _ => false,
    }
}

fn ordered(order: Ordering, operator: Operator) -> bool {
    match operator {
        Operator::Eq => order.is_eq(),
        Operator::Ne => order.is_ne(),
        Operator::Gt => order.is_gt(),
        Operator::Ge => order.is_ge(),
        Operator::Lt => order.is_lt(),
        Operator::Le => order.is_le(),
        Operator::Co | Operator::Sw | Operator::Ew => false,
    }
}

#[cfg(test)]
mod tests;
