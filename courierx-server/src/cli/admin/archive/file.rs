//! The file: what stands where in it, and what is added.

use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use courierx_core::store::transfer::{ImportStart, Numbers, Row, TABLES, Table, Tally};
use serde_json::value::RawValue;

use super::super::AdminError;
use super::page::{self, End, Head, Part};

/// The pages of a file.
pub(super) struct Pages {
    /// What it is called in the end.
    path: PathBuf,
    /// What it is called now.
    present: PathBuf,
    file: File,
    /// Where each page begins, and of which table it is.
    places: Vec<(u64, &'static Table)>,
    tallies: Vec<Tally>,
    mark: Option<Vec<u8>>,
    end: Option<End>,
    /// Where the last whole member ends.
    length: u64,
}

impl Pages {
    /// A file that is done, all of which is as its end tells.
    pub(super) fn open(path: PathBuf) -> Result<Self, AdminError> {
        let file = File::open(&path).map_err(|source| AdminError::File { path: path.clone(), source })?;
        let mut pages = Self::new(path.clone(), path, file);
        let size = pages.io(File::metadata)?.len();
        pages.scan()?;
        match &pages.end {
            Some(end) if end.tallies == pages.tallies && size == pages.length => Ok(pages),
            Some(_) => Err(pages.no_export("what is in it is not what its end tells of")),
            None => Err(pages.no_export("it ends too early; it was cut off, or the export was interrupted")),
        }
    }

    /// A file to write, or one that was begun.
    pub(super) fn create(path: PathBuf) -> Result<Self, AdminError> {
        let mut present = path.clone().into_os_string();
        present.push(".part");
        let present = PathBuf::from(present);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let failed = |source| AdminError::File { path: present.clone(), source };
        let file = options.open(&present).map_err(failed)?;
        let mut pages = Self::new(path, present, file);
        pages.scan()?;
        // Half a page, and an end whose move was interrupted afterwards.
        if pages.length == 0 || pages.end.is_some() {
            (pages.length, pages.mark, pages.end) = (0, None, None);
            pages.places.clear();
            pages.tallies.fill(Tally::default());
        }
        let length = pages.length;
        pages.io(|file| file.set_len(length))?;
        if length == 0 {
            let head = page::member(&Part::CourierxExport(Head::ours()));
            pages.write(head)?;
        }
        Ok(pages)
    }

    fn new(path: PathBuf, present: PathBuf, file: File) -> Self {
        let tallies = vec![Tally::default(); TABLES.len()];
        Self { path, present, file, places: Vec::new(), tallies, mark: None, end: None, length: 0 }
    }

    /// How it was found.
    pub(super) fn start(&self) -> ImportStart {
        match &self.mark {
            _ if self.path.exists() => ImportStart::Occupied,
            Some(mark) => ImportStart::Unfinished(mark.clone()),
            None => ImportStart::Empty,
        }
    }

    pub(super) fn numbers(&self) -> Numbers {
        self.end.as_ref().map(|end| end.numbers).unwrap_or_default()
    }

    pub(super) fn rows(&self, table: &Table) -> u64 {
        self.tallies[table.place()].rows
    }

    /// The page of a table after this one, and which it is.
    pub(super) fn read(
        &mut self,
        table: &Table,
        after: Option<usize>,
    ) -> Result<Option<(usize, Vec<Row>)>, AdminError> {
        let first = after.map_or(0, |after| after + 1);
        let mut pages = self.places.iter().enumerate().skip(first);
        let Some((place, &(at, _))) = pages.find(|(_, (_, of))| *of == table) else { return Ok(None) };
        self.io(|mut file| file.seek(SeekFrom::Start(at)))?;
        let line = self.io(|file| page::next(&mut BufReader::new(file)))?.unwrap_or_default();
        match serde_json::from_slice(&line) {
            Ok(Part::Page { rows, .. }) => {
                let rows = page::rows(table, rows);
                let path = self.present.clone();
                rows.map(|rows| Some((place, rows))).map_err(|source| AdminError::Damaged { path, source })
            }
            _ => Err(self.no_export("a page was changed while it was read")),
        }
    }

    /// Adds a page.
    pub(super) fn append(
        &mut self,
        table: &'static Table,
        rows: &[Row],
        mark: &[u8],
    ) -> Result<(), AdminError> {
        let json =
            serde_json::from_slice::<&RawValue>(mark).map_err(|_| self.no_export("a mark is not JSON"))?;
        let at = self.length;
        let member = page::page(table, rows, json);
        self.write(member)?;
        self.places.push((at, table));
        for row in rows {
            self.tallies[table.place()].add(row);
        }
        self.mark = Some(mark.to_vec());
        Ok(())
    }

    /// Ends the file, and gives it its name when all of it is on the disk.
    pub(super) fn finish(&mut self, numbers: Numbers) -> Result<(), AdminError> {
        let end = End { numbers, tallies: self.tallies.clone() };
        let member = page::member(&Part::End(end.clone()));
        self.write(member)?;
        self.io(File::sync_all)?;
        let failed = |source| AdminError::File { path: self.path.clone(), source };
        fs::rename(&self.present, &self.path).map_err(failed)?;
        // Elsewhere directories cannot be flushed; the file system keeps names by itself.
        #[cfg(unix)]
        if let Some(directory) = self.path.canonicalize().map_err(failed)?.parent() {
            File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)?;
        }
        self.end = Some(end);
        Ok(())
    }

    /// Finds out what there is, up to the last whole member.
    fn scan(&mut self) -> Result<(), AdminError> {
        let mut reader = BufReader::new(self.io(File::try_clone)?);
        let io = |source| AdminError::File { path: self.present.clone(), source };
        let (path, mut is_first) = (self.present.clone(), true);
        while let Some(line) = page::next(&mut reader).map_err(io)? {
            match serde_json::from_slice(&line) {
                Ok(Part::CourierxExport(head)) if is_first && head == Head::ours() => {}
                Ok(Part::CourierxExport(head)) if is_first => {
                    let reason =
                        format!("it has version {}, this program knows {}", head.version, page::VERSION);
                    return Err(AdminError::NoExport { path, reason });
                }
                Ok(Part::Page { table, rows, mark }) if !is_first && self.end.is_none() => {
                    let Some(table) = Table::named(&table) else {
                        return Err(self.no_export("a table is unknown"));
                    };
                    let rows = page::rows(table, rows)
                        .map_err(|source| AdminError::Damaged { path: path.clone(), source })?;
                    for row in &rows {
                        self.tallies[table.place()].add(row);
                    }
                    self.places.push((self.length, table));
                    self.mark = Some(mark.get().as_bytes().to_vec());
                }
                Ok(Part::End(end)) if !is_first && self.end.is_none() => self.end = Some(end),
                _ => return Err(self.no_export("it is something else")),
            }
            is_first = false;
            self.length = reader.stream_position().map_err(io)?;
        }
        Ok(())
    }

    fn write(&mut self, member: std::io::Result<Vec<u8>>) -> Result<(), AdminError> {
        let at = self.length;
        let written = self.io(|mut file| {
            let member = member?;
            file.seek(SeekFrom::Start(at))?;
            file.write_all(&member)?;
            Ok(member.len() as u64)
        })?;
        self.length += written;
        Ok(())
    }

    fn io<T>(&self, work: impl FnOnce(&File) -> std::io::Result<T>) -> Result<T, AdminError> {
        work(&self.file).map_err(|source| AdminError::File { path: self.present.clone(), source })
    }

    fn no_export(&self, reason: &str) -> AdminError {
        AdminError::NoExport { path: self.present.clone(), reason: reason.to_owned() }
    }
}
