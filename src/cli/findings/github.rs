//! Findings as GitHub's workflow commands: `::error file=…,line=…::message`.

use super::paths::relative;
use crate::toml_reader::{Diagnostic, Diagnostics};

pub(super) fn render(findings: &Diagnostics) -> Vec<String> {
    let mut lines: Vec<_> = findings.unaccepted().map(command).collect();
    if findings.left_out() > 0 {
        lines.push(format!("::notice::{} more findings are not shown", findings.left_out()));
    }
    lines
}

fn command(item: &Diagnostic) -> String {
    let mut properties = Vec::new();
    if let Some(position) = &item.position {
        properties.push(("file", relative(&position.file)));
        properties.push(("line", position.line.to_string()));
        properties.push(("col", position.column.to_string()));
        properties.push(("endColumn", (position.column + position.width).to_string()));
    }
    properties.push(("title", format!("{} {}", item.code, item.code.name())));
    let properties: Vec<_> =
        properties.iter().map(|(key, value)| format!("{key}={}", escaped_property(value))).collect();
    let message = match &item.help {
        Some(help) => format!("{}\nhelp: {help}", item.message),
        None => item.message.clone(),
    };
    format!("::{} {}::{}", item.severity().as_str(), properties.join(","), escaped(&message))
}

/// What would end a message, as the runner reads it back.
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// In a property, what separates it from the next one too.
fn escaped_property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toml_reader::Source;

    #[test]
    fn file_name_cannot_inject_workflow_commands() {
        let source = Source::new("a,line=9::b%\n::error::c.toml", "x");
        let mut found = Diagnostics::default();
        found.error(source.position(&(0..1)), "100%: \n::warning::forged", "a\r\nb".to_owned());
        assert_eq!(
            render(&found),
            ["::error file=a%2Cline=9%3A%3Ab%25\\n%3A%3Aerror%3A%3Ac.toml,line=1,col=1,endColumn=2,\
              title=E017 Malformed::100%25: \\n::warning::forged%0Ahelp: a\\r\\nb"]
        );
    }
}
