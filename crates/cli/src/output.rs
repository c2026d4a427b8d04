//! Data, on stdout.

use std::fmt::{self, Write as _};
use std::io::{self, BufWriter, IsTerminal as _, Write};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::failure::Failure;
use crate::global::Format;
use crate::text::{csv_cell, json, terminal};

/// Something that can be listed.
pub(crate) trait Record: Serialize {
    /// The columns of a table.
    const COLUMNS: &'static [&'static str];
    /// The columns of CSV, and the lines of a single one.
    const FIELDS: &'static [&'static str];

    /// A row of a table.
    fn row(&self) -> Vec<String>;
    /// A row of CSV.
    fn fields(&self) -> Vec<String>;
}

/// Writes data in the format that was asked for.
pub(crate) struct Output {
    format: Format,
    out: Box<dyn Write + Send>,
    /// How wide the terminal is, if it is one.
    width: Option<u16>,
}

impl Output {
    pub(crate) fn stdout(format: Format) -> Self {
        let stdout = io::stdout();
        let width = stdout
            .is_terminal()
            .then(|| terminal_size::terminal_size_of(&stdout).map_or(80, |(width, _)| width.0));
        Self { format, out: Box::new(BufWriter::new(stdout)), width }
    }

    /// Hands it over to somebody who writes elsewhere, and leaves one that nothing comes of.
    pub(crate) fn take(&mut self) -> Self {
        let nowhere = Self { format: self.format, out: Box::new(io::sink()), width: None };
        std::mem::replace(self, nowhere)
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Writes a list.
    pub(crate) fn list<T: Record>(&mut self, items: &[T]) -> Result<(), Failure> {
        self.try_list(items).map_err(|error| Failure::of_output(&error))
    }

    /// Begins a list that grows: with what comes before its first item.
    pub(crate) fn begin<T: Record>(&mut self) -> Result<(), Failure> {
        let written = match self.format {
            Format::Table => self.cells(T::COLUMNS, T::COLUMNS),
            Format::Csv => self.csv_row(T::FIELDS),
            Format::Json | Format::Ndjson => Ok(()),
        };
        written.and_then(|()| self.flush()).map_err(|error| Failure::of_output(&error))
    }

    /// Writes the next items of such a list, and at once. In a table each column is as wide as its name: who knows
    /// what is still to come?
    pub(crate) fn go_on<T: Record>(&mut self, items: &[T]) -> Result<(), Failure> {
        let mut written = items.iter().try_for_each(|item| match self.format {
            Format::Table => self.cells(T::COLUMNS, &item.row()),
            Format::Csv => self.csv_row(&item.fields()),
            Format::Json => self.json(item),
            Format::Ndjson => self.ndjson(item),
        });
        written = written.and_then(|()| self.flush());
        written.map_err(|error| Failure::of_output(&error))
    }

    /// Writes a single object: as a table, a line for each field.
    pub(crate) fn one<T: Record>(&mut self, item: &T) -> Result<(), Failure> {
        let written = match self.format {
            Format::Table => {
                let lines = T::FIELDS.iter().zip(item.fields()).filter(|(_, value)| !value.is_empty());
                let rows = lines.map(|(name, value)| vec![(*name).to_owned(), value]);
                self.table(&[], rows)
            }
            Format::Json => self.json(item),
            Format::Csv | Format::Ndjson => self.try_list(std::slice::from_ref(item)),
        };
        written.map_err(|error| Failure::of_output(&error))
    }

    /// Writes a line as it is. It has to be safe to show.
    pub(crate) fn line(&mut self, line: &str) -> Result<(), Failure> {
        writeln!(self.out, "{line}").map_err(|error| Failure::of_output(&error))
    }

    /// Writes an object as JSON, indented or on a line.
    pub(crate) fn object(&mut self, object: &impl Serialize) -> Result<(), Failure> {
        let written = if self.format == Format::Ndjson { self.ndjson(object) } else { self.json(object) };
        written.map_err(|error| Failure::of_output(&error))
    }

    /// Makes sure that everything is written.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn try_list<T: Record>(&mut self, items: &[T]) -> io::Result<()> {
        match self.format {
            Format::Table => self.table(T::COLUMNS, items.iter().map(Record::row)),
            Format::Json => self.json(&items),
            Format::Ndjson => items.iter().try_for_each(|item| self.ndjson(item)),
            Format::Csv => {
                let mut csv = csv::Writer::from_writer(&mut self.out);
                csv.write_record(T::FIELDS).map_err(io_error)?;
                for item in items {
                    let record = item.fields();
                    csv.write_record(record.iter().map(|field| csv_cell(field).into_owned()))
                        .map_err(io_error)?;
                }
                csv.flush()
            }
        }
    }

    fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string_pretty(value)?;
        writeln!(self.out, "{}", json(&text))
    }

    fn ndjson(&mut self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string(value)?;
        writeln!(self.out, "{}", json(&text))
    }

    fn csv_row(&mut self, cells: &[impl AsRef<str>]) -> io::Result<()> {
        let mut csv = csv::Writer::from_writer(&mut self.out);
        csv.write_record(cells.iter().map(|cell| csv_cell(cell.as_ref()).into_owned())).map_err(io_error)?;
        csv.flush()
    }

    /// A line of a table, each cell at least as wide as its column's name.
    fn cells(&mut self, columns: &[&str], cells: &[impl AsRef<str>]) -> io::Result<()> {
        let mut line = String::new();
        for (column, cell) in columns.iter().zip(cells) {
            _ = write!(line, "{:width$}  ", terminal(cell.as_ref()), width = column.chars().count());
        }
        writeln!(self.out, "{}", line.trim_end())
    }

    fn table(&mut self, columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> io::Result<()> {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        if let Some(width) = self.width {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        if !columns.is_empty() {
            table.set_header(columns.iter().copied());
        }
        for row in rows {
            table.add_row(row.iter().map(|cell| terminal(cell).into_owned()));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        for line in table.lines() {
            let line = line.trim_end();
            if !line.is_empty() {
                writeln!(self.out, "{line}")?;
            }
        }
        Ok(())
    }
}

/// The error below: the conversion that csv brings hides its kind, and a reader that has gone is no failure.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("format", &self.format)
            .field("width", &self.width)
            .finish_non_exhaustive()
    }
}
