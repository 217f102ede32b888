From: Anna Beispiel <anna8@example.org>
To: b@example.net
Subject: Message 8
Date: Tue, 3 Feb 2004 08:00:00 +0000
Message-ID: <8@example.org>

Hello.
