//! Data on stdout, in the format of `--format`.

use std::fmt::{self, Write as _};
use std::io::{self, BufWriter, IsTerminal as _, Write};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::failure::Failure;
use crate::global::Format;
use crate::text::{csv_cell, json, terminal};

/// An object that can be written in every format.
pub(crate) trait Record: Serialize {
    /// The column names of a table.
    const COLUMNS: &'static [&'static str];
    /// The column names of CSV. They also name the lines of a table that shows a single object.
    const FIELDS: &'static [&'static str];

    /// Returns the cells of a table row, in the order of `COLUMNS`.
    fn row(&self) -> Vec<String>;
    /// Returns the fields of a CSV record, in the order of `FIELDS`.
    fn fields(&self) -> Vec<String>;
}

/// Writes data in the format of `--format`.
pub(crate) struct Output {
    format: Format,
    out: Box<dyn Write + Send>,
    /// Width of the terminal in columns. `None` if stdout is not a terminal.
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

    /// Returns this output, for use on another thread. Data that is written to `self` afterwards is
    /// discarded.
    pub(crate) fn take(&mut self) -> Self {
        let discarding = Self { format: self.format, out: Box::new(io::sink()), width: None };
        std::mem::replace(self, discarding)
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Writes a list.
    pub(crate) fn list<T: Record>(&mut self, items: &[T]) -> Result<(), Failure> {
        self.try_list(items).map_err(|error| Failure::of_output(&error))
    }

    /// Starts a list whose items are appended later: writes the header of a table or CSV.
    pub(crate) fn start_list<T: Record>(&mut self) -> Result<(), Failure> {
        let written = match self.format {
            Format::Table => self.cells(T::COLUMNS, T::COLUMNS),
            Format::Csv => self.csv_row(T::FIELDS),
            Format::Json | Format::Ndjson => Ok(()),
        };
        written.and_then(|()| self.flush()).map_err(|error| Failure::of_output(&error))
    }

    /// Appends items to a started list and flushes them. In a table each column is as wide as its name, since
    /// the widths of later cells are not known.
    pub(crate) fn append<T: Record>(&mut self, items: &[T]) -> Result<(), Failure> {
        let mut written = items.iter().try_for_each(|item| match self.format {
            Format::Table => self.cells(T::COLUMNS, &item.row()),
            Format::Csv => self.csv_row(&item.fields()),
            Format::Json => self.json(item),
            Format::Ndjson => self.ndjson(item),
        });
        written = written.and_then(|()| self.flush());
        written.map_err(|error| Failure::of_output(&error))
    }

    /// Writes a single item. A table has one line for each field that is not empty.
    pub(crate) fn item<T: Record>(&mut self, item: &T) -> Result<(), Failure> {
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

    /// Writes a line without escaping. The caller escapes untrusted text with [`terminal`].
    pub(crate) fn line(&mut self, line: &str) -> Result<(), Failure> {
        writeln!(self.out, "{line}").map_err(|error| Failure::of_output(&error))
    }

    /// Writes an object as JSON: on one line for `ndjson`, else indented.
    pub(crate) fn object(&mut self, object: &impl Serialize) -> Result<(), Failure> {
        let written = if self.format == Format::Ndjson { self.ndjson(object) } else { self.json(object) };
        written.map_err(|error| Failure::of_output(&error))
    }

    /// Writes all buffered data.
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

    /// Writes a row of a table, each cell padded to the width of its column's name.
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

/// Returns the I/O error within a CSV error. `io::Error::from` would hide the kind of the I/O error, such as
/// `BrokenPipe`.
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
