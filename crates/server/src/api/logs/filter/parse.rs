//! Reading a filter: recursive descent, one function for each rule of the grammar.
//!
//! ```text
//! any    = all *("or" all)
//! all    = term *("and" term)
//! term   = "(" any ")" / "not" "(" any ")" / name "pr" / name operator value
//! ```

use super::{Expression, Field, FilterError, Literal, MAX_DEPTH, MAX_LEN, MAX_TERMS, Operator};

pub(super) fn parse(text: &str) -> Result<Expression, FilterError> {
    if text.chars().count() > MAX_LEN {
        return Err(FilterError::TooLarge);
    }
    let mut parser = Parser { text, at: 0, terms: 0 };
    let expression = parser.any(0)?;
    if parser.peek().is_some() {
        return parser.expected("'and', 'or' or the end");
    }
    Ok(expression)
}

struct Parser<'a> {
    text: &'a str,
    /// How many bytes were read.
    at: usize,
    terms: usize,
}

impl<'a> Parser<'a> {
    fn any(&mut self, depth: usize) -> Result<Expression, FilterError> {
        let mut terms = vec![self.all(depth)?];
        while self.takes_word("or") {
            terms.push(self.all(depth)?);
        }
        Ok(if terms.len() == 1 { terms.remove(0) } else { Expression::Any(terms) })
    }

    fn all(&mut self, depth: usize) -> Result<Expression, FilterError> {
        let mut terms = vec![self.term(depth)?];
        while self.takes_word("and") {
            terms.push(self.term(depth)?);
        }
        Ok(if terms.len() == 1 { terms.remove(0) } else { Expression::All(terms) })
    }

    fn term(&mut self, depth: usize) -> Result<Expression, FilterError> {
        if self.peek() == Some('(') {
            return self.group(depth);
        }
        if self.takes_word("not") {
            return Ok(Expression::Not(Box::new(self.group(depth)?)));
        }
        self.terms += 1;
        if self.terms > MAX_TERMS {
            return Err(FilterError::TooLarge);
        }
        let Some(name) = self.word() else { return self.expected("the name of an attribute") };
        let field = Field::named(name)?;
        let Some(operator) = self.word() else { return self.expected("an operator") };
        if operator.eq_ignore_ascii_case("pr") {
            return Ok(Expression::Present(field));
        }
        let known = Operator::ALL.iter().find(|(known, _)| known.eq_ignore_ascii_case(operator));
        let Some((_, operator)) = known else { return Err(FilterError::UnknownOperator(operator.to_owned())) };
        let literal = self.literal()?;
        field.admits(*operator, &literal)?;
        Ok(Expression::Compare(field, *operator, literal))
    }

    fn group(&mut self, depth: usize) -> Result<Expression, FilterError> {
        if depth >= MAX_DEPTH {
            return Err(FilterError::TooLarge);
        }
        self.takes('(')?;
        let inner = self.any(depth + 1)?;
        self.takes(')')?;
        Ok(inner)
    }

    fn literal(&mut self) -> Result<Literal, FilterError> {
        if self.peek() == Some('"') {
            return self.quoted();
        }
        let before = self.at;
        let value = self.word().and_then(|word| match word {
            "true" => Some(Literal::Bool(true)),
            "false" => Some(Literal::Bool(false)),
            "null" => Some(Literal::Null),
            number => number.parse().ok().filter(|number: &f64| number.is_finite()).map(Literal::Number),
        });
        value.map_or_else(
            || {
                self.at = before;
                self.expected("a value: a text in double quotes, a number, true, false or null")
            },
            Ok,
        )
    }

    /// A text as JSON writes it.
    fn quoted(&mut self) -> Result<Literal, FilterError> {
        let rest = self.rest();
        let mut escaped = false;
        let end = rest.char_indices().skip(1).find(|(_, letter)| {
            let end = *letter == '"' && !escaped;
            escaped = *letter == '\\' && !escaped;
            end
        });
        let text = end.and_then(|(end, _)| rest.get(..=end)).and_then(|quoted| {
            let text: String = serde_json::from_str(quoted).ok()?;
            Some((quoted.len(), text))
        });
        let Some((length, text)) = text else { return self.expected("a text that ends with a double quote") };
        self.at += length;
        Ok(Literal::Text(text.to_lowercase()))
    }

    fn takes(&mut self, sign: char) -> Result<(), FilterError> {
        if self.peek() != Some(sign) {
            return self.expected(if sign == '(' { "'('" } else { "')'" });
        }
        self.at += 1;
        Ok(())
    }

    /// Reads this word if it is the next one.
    fn takes_word(&mut self, wanted: &str) -> bool {
        let before = self.at;
        let takes = self.word().is_some_and(|word| word.eq_ignore_ascii_case(wanted));
        if !takes {
            self.at = before;
        }
        takes
    }

    /// The next run of letters, digits and the signs of names and numbers.
    fn word(&mut self) -> Option<&'a str> {
        self.peek();
        let rest = self.rest();
        let belongs = |letter: char| letter.is_ascii_alphanumeric() || "._-+$:".contains(letter);
        let end = rest.find(|letter| !belongs(letter)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).filter(|word| !word.is_empty())
    }

    /// The next character that is no space.
    fn peek(&mut self) -> Option<char> {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(' ').len();
        self.rest().chars().next()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn expected<T>(&self, expected: &'static str) -> Result<T, FilterError> {
        let at = self.text.get(..self.at).unwrap_or_default().chars().count() + 1;
        Err(FilterError::Syntax { at, expected })
    }
}
