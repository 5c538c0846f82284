//! What a writer tells about the objects that a text was made of, so that a later look can find out whether
//! the text would still be the same.

use super::Written;
use crate::layout::Obj;

/// How the parts of an object are found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum NodeKind {
    List,
    Tuple,
    /// The address of its fields' names comes before the items, if any is shown.
    NamedTuple,
    Set,
    Dict,
    /// In an order of its own.
    OrderedDict,
    /// What makes the values of missing keys comes before the entries.
    DefaultDict,
    Deque,
    Exception,
    Instance,
    /// An instance whose values lie in the order of its class's keys. The address of those comes before the
    /// values, if any is shown.
    Values,
    /// An instance with places for attributes: words for their names, see [`Label`](crate::layout::Label).
    Slotted,
    /// A member of an enumeration: a word for its name, and its value if that is shown.
    EnumMember,
    /// Shows nothing but its class's name.
    Opaque,
    /// The text depends on one word, which says how it is named: see [`naming`](super::naming).
    Named,
    /// The text depends on bytes that can change in place.
    Bytes,
    /// So it does for an array, whose type code comes first.
    Array,
}

/// Receives the nodes of a value in the order in which they are written.
///
/// A node is opened, its elements follow, then it is closed. An element that is not constant is followed by
/// its own node.
pub(crate) trait Record {
    /// Where a node begins.
    type Node: Copy;
    /// Where an element stands.
    type Element: Copy;

    /// `len` is what the object's number of elements must still be.
    fn open(&mut self, object: Obj, kind: NodeKind, len: usize) -> Self::Node;

    fn element(&mut self, element: Option<Obj>) -> Self::Element;

    /// The element's text is what was written between the two.
    fn shown(&mut self, element: Self::Element, from: Written, to: Written);

    /// The element's text cannot change for as long as it is the same object.
    fn constant(&mut self, element: Obj);

    /// The element was written as a node.
    fn nested(&mut self, node: Self::Node, element: Self::Element);

    /// A word that must be found again, and the object that lives at it, if one does.
    fn word(&mut self, word: usize, held: Option<Obj>);

    fn bytes(&mut self, bytes: &[u8]);

    fn close(&mut self, node: Self::Node, elements: usize);

    /// Takes back a node, which turned out to be constant.
    fn take_back(&mut self, node: Self::Node);

    /// The object's elements are not shown, since it is being written already.
    fn cyclic(&mut self, node: Self::Node);

    /// The object's elements are not shown, since it stands too deep.
    fn deep(&mut self, node: Self::Node);

    /// The text must be written again to find out.
    fn volatile(&mut self);
}

/// Records nothing, for a text that is not looked at again.
pub(crate) struct Unrecorded;

impl Record for Unrecorded {
    type Node = ();
    type Element = ();

    #[inline(always)]
    fn open(&mut self, _: Obj, _: NodeKind, _: usize) {}
    #[inline(always)]
    fn element(&mut self, _: Option<Obj>) {}
    #[inline(always)]
    fn constant(&mut self, _: Obj) {}
    #[inline(always)]
    fn nested(&mut self, (): (), (): ()) {}
    #[inline(always)]
    fn word(&mut self, _: usize, _: Option<Obj>) {}
    #[inline(always)]
    fn bytes(&mut self, _: &[u8]) {}
    #[inline(always)]
    fn close(&mut self, (): (), _: usize) {}
    #[inline(always)]
    fn take_back(&mut self, (): ()) {}
    #[inline(always)]
    fn shown(&mut self, (): (), _: Written, _: Written) {}
    #[inline(always)]
    fn cyclic(&mut self, (): ()) {}
    #[inline(always)]
    fn deep(&mut self, (): ()) {}
    #[inline(always)]
    fn volatile(&mut self) {}
}
