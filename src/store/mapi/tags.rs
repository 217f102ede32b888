//! The properties of MAPI objects that we read, by id. Source: [MS-OXPROPS] 2 and facts/formats.md 1.10.

/// One property's id, without its type.
pub(in crate::store) type Tag = u16;

macro_rules! tags {
    ($($(#[$doc:meta])* $name:ident = $id:literal;)*) => {
        $($(#[$doc])* pub(in crate::store) const $name: Tag = $id;)*
    };
}

tags! {
    // The message
    /// What it is: `IPM.Note` is a message, `IPM.Contact` is not.
    MESSAGE_CLASS = 0x001A;
    /// 0 low, 1 normal, 2 high.
    IMPORTANCE = 0x0017;
    /// 0 none, 1 personal, 2 private, 3 confidential.
    SENSITIVITY = 0x0036;
    SUBJECT = 0x0037;
    CLIENT_SUBMIT_TIME = 0x0039;
    /// Whom it is from, where another sent it for him.
    REPRESENTING_NAME = 0x0042;
    REPRESENTING_TYPE = 0x0064;
    REPRESENTING_ADDRESS = 0x0065;
    REPRESENTING_SMTP = 0x5D02;
    SENDER_NAME = 0x0C1A;
    SENDER_TYPE = 0x0C1E;
    SENDER_ADDRESS = 0x0C1F;
    SENDER_SMTP = 0x5D01;
    CONVERSATION_TOPIC = 0x0070;
    CONVERSATION_INDEX = 0x0071;
    /// The header it came with.
    TRANSPORT_HEADERS = 0x007D;
    DISPLAY_BCC = 0x0E02;
    DISPLAY_CC = 0x0E03;
    DISPLAY_TO = 0x0E04;
    DELIVERY_TIME = 0x0E06;
    MESSAGE_FLAGS = 0x0E07;
    MESSAGE_SIZE = 0x0E08;
    /// The text of a report of delivery.
    REPORT_TEXT = 0x1001;
    BODY = 0x1000;
    RTF_COMPRESSED = 0x1009;
    HTML = 0x1013;
    MESSAGE_ID = 0x1035;
    REFERENCES = 0x1039;
    IN_REPLY_TO = 0x1042;
    ICON_INDEX = 0x1080;
    LAST_VERB = 0x1081;
    FLAG_STATUS = 0x1090;
    CREATION_TIME = 0x3007;
    /// Code page of the body.
    INTERNET_CODE_PAGE = 0x3FDE;
    /// Code page of strings that are not Unicode.
    MESSAGE_CODE_PAGE = 0x3FFD;

    // A recipient
    RECIPIENT_TYPE = 0x0C15;
    /// Also the name of a folder or an attachment.
    DISPLAY_NAME = 0x3001;
    ADDRESS_TYPE = 0x3002;
    EMAIL_ADDRESS = 0x3003;
    SMTP_ADDRESS = 0x39FE;

    // An attachment
    ATTACH_DATA = 0x3701;
    ATTACH_FILENAME = 0x3704;
    ATTACH_METHOD = 0x3705;
    ATTACH_LONG_FILENAME = 0x3707;
    ATTACH_PATHNAME = 0x3708;
    ATTACH_LONG_PATHNAME = 0x370D;
    ATTACH_MIME_TAG = 0x370E;
    ATTACH_CONTENT_ID = 0x3712;
    ATTACH_CONTENT_LOCATION = 0x3713;
}

/// All that a list shows of a message and all that its header is made of: no body.
pub(in crate::store) const LISTED: [Tag; 31] = [
    MESSAGE_CLASS,
    IMPORTANCE,
    SENSITIVITY,
    SUBJECT,
    CLIENT_SUBMIT_TIME,
    REPRESENTING_NAME,
    REPRESENTING_TYPE,
    REPRESENTING_ADDRESS,
    REPRESENTING_SMTP,
    SENDER_NAME,
    SENDER_TYPE,
    SENDER_ADDRESS,
    SENDER_SMTP,
    CONVERSATION_TOPIC,
    CONVERSATION_INDEX,
    TRANSPORT_HEADERS,
    DISPLAY_BCC,
    DISPLAY_CC,
    DISPLAY_TO,
    DELIVERY_TIME,
    MESSAGE_FLAGS,
    MESSAGE_SIZE,
    MESSAGE_ID,
    REFERENCES,
    IN_REPLY_TO,
    ICON_INDEX,
    LAST_VERB,
    FLAG_STATUS,
    CREATION_TIME,
    INTERNET_CODE_PAGE,
    MESSAGE_CODE_PAGE,
];
