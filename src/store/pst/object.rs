//! Messages of a PST as MAPI objects ([MS-PST] 2.4.5 and 2.4.6).

use std::io;

use super::disk::{Disk, Node, NodeId};
use super::heap::Heap;
use crate::store::bytes::{invalid, u32_at};
use crate::store::mapi::tags::{self, Tag};
use crate::store::mapi::{self, Attachment, Content, MAX_DEPTH, Object, Properties, Value};

/// Kinds of nodes, the low five bits of their numbers ([MS-PST] 2.2.2.1).
pub(super) mod kind {
    pub(in super::super) const MASK: u32 = 0x1F;
    pub(in super::super) const FOLDER: u32 = 0x02;
    pub(in super::super) const MESSAGE: u32 = 0x04;
    pub(in super::super) const ATTACHMENT: u32 = 0x05;
    pub(in super::super) const RECIPIENTS: u32 = 0x12;
}

/// The node with the table of named properties, and where in it entries and names are ([MS-PST] 2.4.7).
const NAMES: NodeId = 0x61;
const NAME_ENTRIES: Tag = 0x0003;
const NAME_TEXTS: Tag = 0x0004;

/// The property that holds categories in this file.
pub(super) fn categories_tag(disk: &mut Disk) -> Option<Tag> {
    disk.start();
    let found = properties(disk, NAMES, &|tag| matches!(tag, NAME_ENTRIES | NAME_TEXTS)).ok()?;
    mapi::categories_tag(found.bytes(NAME_ENTRIES)?, found.bytes(NAME_TEXTS)?)
}

/// The properties of a node that are wanted.
pub(super) fn properties(disk: &mut Disk, id: NodeId, wanted: &dyn Fn(Tag) -> bool) -> io::Result<Properties> {
    let node = node(disk, id)?;
    Heap::read(disk, node)?.properties(disk, wanted, Properties::default())
}

fn node(disk: &mut Disk, id: NodeId) -> io::Result<Node> {
    disk.node(id)?.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "it is no longer in the file"))
}

/// What a list shows of a message.
pub(super) fn listed(disk: &mut Disk, id: NodeId, categories: Option<Tag>) -> io::Result<Object> {
    disk.start();
    let properties = properties(disk, id, &|tag| tags::LISTED.contains(&tag) || categories == Some(tag))?;
    Ok(object(properties, categories))
}

/// A whole message.
pub(super) fn whole(disk: &mut Disk, id: NodeId, categories: Option<Tag>) -> io::Result<Object> {
    disk.start();
    let node = node(disk, id)?;
    message(disk, node, categories, 0)
}

fn object(properties: Properties, categories: Option<Tag>) -> Object {
    let categories = categories.map(|tag| properties.texts(tag)).unwrap_or_default();
    Object { properties, categories, ..Object::default() }
}

fn message(disk: &mut Disk, node: Node, categories: Option<Tag>, depth: usize) -> io::Result<Object> {
    let heap = Heap::read(disk, node)?;
    let mut object = object(heap.properties(disk, &|_| true, Properties::default())?, categories);
    for (id, part) in heap.sub_nodes() {
        match id & kind::MASK {
            kind::RECIPIENTS => {
                let table = Heap::read(disk, *part)?;
                object.recipients.extend(table.rows(disk, &object.properties)?);
            }
            kind::ATTACHMENT => {
                // Object data of an attachment may stand beside it instead of in it, with a number of the same kind.
                if let Some(one) = attachment(disk, &heap, *part, &object, categories, depth)? {
                    object.attachments.push(one);
                }
            }
            _ => {}
        }
    }
    Ok(object)
}

fn attachment(
    disk: &mut Disk,
    beside: &Heap,
    part: Node,
    outer: &Object,
    categories: Option<Tag>,
    depth: usize,
) -> io::Result<Option<Attachment>> {
    let heap = Heap::read(disk, part)?;
    let properties = heap.properties(disk, &|_| true, Properties::within(&outer.properties))?;
    if properties.get(tags::ATTACH_METHOD).is_none() {
        return Ok(None);
    }
    let method = properties.number(tags::ATTACH_METHOD);
    let content = match (method, properties.bytes(tags::ATTACH_DATA)) {
        (Some(method::MESSAGE | method::OLE), Some(reference)) => {
            let missing = || invalid("the content of an attachment is missing");
            let id = u32_at(reference, 0).ok_or_else(missing)?;
            let node =
                heap.sub_nodes().get(&id).or_else(|| beside.sub_nodes().get(&id)).copied().ok_or_else(missing)?;
            if method == Some(method::OLE) {
                Content::File(super::blocks::data(disk, node.data)?.concat())
            } else if depth >= MAX_DEPTH {
                return Err(invalid("messages in it are nested too deep"));
            } else {
                Content::Message(Box::new(message(disk, node, categories, depth + 1)?))
            }
        }
        (Some(method::VALUE), Some(bytes)) => Content::File(bytes.to_vec()),
        (Some(method::VALUE | method::MESSAGE), None) => {
            return Err(invalid("the content of an attachment is missing"));
        }
        (_, Some(bytes)) if !matches!(properties.get(tags::ATTACH_DATA), Some(Value::Ansi(_))) => {
            Content::File(bytes.to_vec())
        }
        _ if properties
            .text(tags::ATTACH_LONG_PATHNAME)
            .or_else(|| properties.text(tags::ATTACH_PATHNAME))
            .is_some() =>
        {
            Content::Elsewhere
        }
        _ => Content::File(Vec::new()),
    };
    Ok(Some(Attachment { properties, content }))
}

/// How the content of an attachment is kept ([MS-OXCMSG] 2.2.2.9).
mod method {
    pub(super) const VALUE: i64 = 1;
    pub(super) const MESSAGE: i64 = 5;
    pub(super) const OLE: i64 = 6;
}
