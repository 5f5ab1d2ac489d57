-- A database of a music shop, in which every name is in mixed case and must be quoted. All data are invented.
CREATE TABLE "Artist" ("ArtistId" int PRIMARY KEY, "Name" varchar(120));
INSERT INTO "Artist" SELECT i, 'Artist ' || i FROM generate_series(1, 60) AS i;

CREATE TABLE "Album" ("AlbumId" int PRIMARY KEY, "Title" varchar(160) NOT NULL, "ArtistId" int NOT NULL REFERENCES "Artist");
INSERT INTO "Album" SELECT i, 'Album ' || i, 1 + i % 60 FROM generate_series(1, 120) AS i;

CREATE TABLE "MediaType" ("MediaTypeId" int PRIMARY KEY, "Name" varchar(120));
INSERT INTO "MediaType" SELECT i, 'Medium ' || i FROM generate_series(1, 5) AS i;

CREATE TABLE "Genre" ("GenreId" int PRIMARY KEY, "Name" varchar(120));
INSERT INTO "Genre" SELECT i, 'Genre ' || i FROM generate_series(1, 25) AS i;

CREATE TABLE "Track" (
    "TrackId" int PRIMARY KEY, "Name" varchar(200) NOT NULL, "AlbumId" int REFERENCES "Album",
    "MediaTypeId" int NOT NULL REFERENCES "MediaType", "GenreId" int REFERENCES "Genre", "Composer" varchar(220),
    "Milliseconds" int NOT NULL, "Bytes" int, "UnitPrice" numeric(10, 2) NOT NULL
);
INSERT INTO "Track"
SELECT i, 'Track ' || i, 1 + i % 120, 1 + i % 5, 1 + i % 25, CASE WHEN i % 3 > 0 THEN 'Composer ' || i % 40 END,
       150000 + i * 91 % 300000, 5000000 + i * 131, 0.99 + i % 2
FROM generate_series(1, 800) AS i;

CREATE TABLE "Employee" (
    "EmployeeId" int PRIMARY KEY, "LastName" varchar(20) NOT NULL, "FirstName" varchar(20) NOT NULL, "Title" varchar(30),
    "ReportsTo" int REFERENCES "Employee", "BirthDate" timestamp, "HireDate" timestamp, "Email" varchar(60)
);
INSERT INTO "Employee"
SELECT i, 'Last ' || i, 'First ' || i, 'Support', NULL, timestamp '1980-05-01' + i * interval '200 days',
       timestamp '2019-05-01' + i * interval '20 days', 'e' || i || '@music.example'
FROM generate_series(1, 8) AS i;

CREATE TABLE "Customer" (
    "CustomerId" int PRIMARY KEY, "FirstName" varchar(40) NOT NULL, "LastName" varchar(20) NOT NULL, "Country" varchar(40),
    "Email" varchar(60) NOT NULL, "SupportRepId" int REFERENCES "Employee"
);
INSERT INTO "Customer"
SELECT i, 'First ' || i, 'Last ' || i, (ARRAY['Canada', 'France', 'Norway'])[1 + i % 3], 'c' || i || '@mail.example', 1 + i % 8
FROM generate_series(1, 59) AS i;

CREATE TABLE "Invoice" (
    "InvoiceId" int PRIMARY KEY, "CustomerId" int NOT NULL REFERENCES "Customer", "InvoiceDate" timestamp NOT NULL,
    "BillingCountry" varchar(40), "Total" numeric(10, 2) NOT NULL
);
INSERT INTO "Invoice"
SELECT i, 1 + i % 59, timestamp '2023-01-01' + i * interval '3 days', (ARRAY['Canada', 'France', 'Norway'])[1 + i % 3],
       i % 20 + 0.99
FROM generate_series(1, 412) AS i;

CREATE TABLE "InvoiceLine" (
    "InvoiceLineId" int PRIMARY KEY, "InvoiceId" int NOT NULL REFERENCES "Invoice", "TrackId" int NOT NULL REFERENCES "Track",
    "UnitPrice" numeric(10, 2) NOT NULL, "Quantity" int NOT NULL
);
INSERT INTO "InvoiceLine" SELECT i, 1 + i % 412, 1 + i % 800, 0.99, 1 + i % 3 FROM generate_series(1, 1000) AS i;

CREATE TABLE "Playlist" ("PlaylistId" int PRIMARY KEY, "Name" varchar(120));
INSERT INTO "Playlist" SELECT i, 'Playlist ' || i FROM generate_series(1, 18) AS i;

CREATE TABLE "PlaylistTrack" (
    "PlaylistId" int REFERENCES "Playlist", "TrackId" int REFERENCES "Track", PRIMARY KEY ("PlaylistId", "TrackId")
);
INSERT INTO "PlaylistTrack" SELECT 1 + i % 18, i FROM generate_series(1, 700) AS i;
