-- A database of a trading company, as it exists before Resma: the schema `public`, and a schema `sales`.
-- All names and numbers are invented. It needs no extension. `reports` is a role that may only read.
CREATE TABLE regions (region_id smallint PRIMARY KEY, region_description varchar(60) NOT NULL);
INSERT INTO regions SELECT i, 'Region ' || i FROM generate_series(1, 4) AS i;

CREATE TABLE territories (
    territory_id varchar(20) PRIMARY KEY,
    territory_description varchar(60) NOT NULL,
    region_id smallint NOT NULL REFERENCES regions
);
INSERT INTO territories SELECT lpad((i * 37)::text, 5, '0'), 'Territory ' || i, 1 + i % 4 FROM generate_series(1, 30) AS i;

CREATE TABLE categories (category_id smallint PRIMARY KEY, category_name varchar(15) NOT NULL, description text, picture bytea);
INSERT INTO categories
SELECT i, 'Category ' || i, 'Goods of group ' || i || ', sold by weight or by piece', decode(md5(i::text), 'hex')
FROM generate_series(1, 8) AS i;

CREATE TABLE suppliers (
    supplier_id smallint PRIMARY KEY, company_name varchar(40) NOT NULL, contact_name varchar(30), city varchar(15),
    country varchar(15), phone varchar(24), homepage text
);
INSERT INTO suppliers
SELECT i, 'Supplier ' || i, 'Contact ' || i, 'City ' || i % 9, (ARRAY['Brazil', 'Germany', 'USA'])[1 + i % 3],
       '+49 30 ' || 1000 + i, CASE WHEN i % 4 = 0 THEN 'https://supplier' || i || '.example' END
FROM generate_series(1, 29) AS i;

CREATE TABLE products (
    product_id smallint PRIMARY KEY, product_name varchar(40) NOT NULL, supplier_id smallint REFERENCES suppliers,
    category_id smallint REFERENCES categories, quantity_per_unit varchar(20), unit_price real,
    units_in_stock smallint, units_on_order smallint, reorder_level smallint, discontinued boolean NOT NULL DEFAULT false
);
INSERT INTO products
SELECT i, 'Product ' || i, 1 + i % 29, 1 + i % 8, i || ' boxes', round((i * 7.35)::numeric, 2)::real, i % 60, i % 5 * 10,
       i % 4 * 5, i % 9 = 0
FROM generate_series(1, 77) AS i;

CREATE TABLE customers (
    customer_id char(5) PRIMARY KEY, company_name varchar(40) NOT NULL, contact_name varchar(30), contact_title varchar(30),
    address varchar(60), city varchar(15), country varchar(15), phone varchar(24)
);
COMMENT ON TABLE customers IS 'Companies that have ordered at least once.';
COMMENT ON COLUMN customers.company_name IS 'Customer';
INSERT INTO customers
SELECT chr(65 + i / 26) || chr(65 + i % 26) || 'ORP', 'Customer ' || i, 'Person ' || i,
       (ARRAY['Owner', 'Sales Manager'])[1 + i % 2], i || ' Long Street', 'City ' || i % 20,
       (ARRAY['Brazil', 'France', 'Germany', 'Portugal', 'USA'])[1 + i % 5], '555-' || 1000 + i
FROM generate_series(1, 91) AS i;

CREATE TABLE employees (
    employee_id smallint PRIMARY KEY, last_name varchar(20) NOT NULL, first_name varchar(10) NOT NULL, title varchar(30),
    birth_date date, hire_date date, photo bytea, about text, reports_to smallint REFERENCES employees
);
INSERT INTO employees
SELECT i, 'Last ' || i, 'First ' || i, 'Representative', date '1970-01-01' + i * 400, date '2015-03-01' + i * 90,
       decode(md5(i::text), 'hex'), repeat('Speaks several languages. ', 6), CASE WHEN i > 1 THEN 1 END
FROM generate_series(1, 9) AS i;

CREATE TABLE employee_territories (
    employee_id smallint REFERENCES employees, territory_id varchar(20) REFERENCES territories,
    PRIMARY KEY (employee_id, territory_id)
);
INSERT INTO employee_territories SELECT 1 + i % 9, lpad((i * 37)::text, 5, '0') FROM generate_series(1, 30) AS i;

CREATE TABLE shippers (shipper_id smallint PRIMARY KEY, company_name varchar(40) NOT NULL, phone varchar(24));
INSERT INTO shippers SELECT i, 'Shipper ' || i, '555-' || 2000 + i FROM generate_series(1, 3) AS i;

CREATE TABLE orders (
    order_id integer PRIMARY KEY, customer_id char(5) REFERENCES customers, employee_id smallint REFERENCES employees,
    order_date date, required_date date, shipped_date date, ship_via smallint REFERENCES shippers, freight real,
    ship_name varchar(40), ship_address varchar(60), ship_city varchar(15), ship_region varchar(15),
    ship_postal_code varchar(10), ship_country varchar(15)
);
INSERT INTO orders
SELECT 10247 + i, c.customer_id, 1 + i % 9, date '2024-01-01' + i * 7 / 8, date '2024-01-29' + i * 7 / 8,
       CASE WHEN i % 20 > 0 THEN date '2024-01-09' + i * 7 / 8 END, 1 + i % 3, (i * 37 % 9000 / 100.0)::real,
       c.company_name, c.address, c.city, NULL, lpad((i * 7)::text, 5, '0'), c.country
FROM generate_series(1, 830) AS i
JOIN (SELECT *, row_number() OVER (ORDER BY customer_id) AS n FROM customers) AS c ON c.n = 1 + i % 91;
CREATE INDEX orders_by_date ON orders (order_date);

CREATE TABLE order_details (
    order_id integer REFERENCES orders, product_id smallint REFERENCES products, unit_price real NOT NULL,
    quantity smallint NOT NULL, discount real NOT NULL, PRIMARY KEY (order_id, product_id)
);
INSERT INTO order_details
SELECT 10248 + i / 3, 1 + (i * 11 + i / 3) % 77, (i % 90 + 0.45)::real, 1 + i % 40, (i % 4 * 0.05)::real
FROM generate_series(0, 2154) AS i
ON CONFLICT DO NOTHING;

CREATE TABLE us_states (state_id smallint PRIMARY KEY, state_name varchar(100), state_abbr varchar(2));
INSERT INTO us_states SELECT i, 'State ' || i, chr(65 + i / 26) || chr(65 + i % 26) FROM generate_series(1, 51) AS i;

CREATE VIEW order_values AS
SELECT o.order_id, o.order_date, c.company_name, c.country,
       sum(d.unit_price::numeric * d.quantity * (1 - d.discount::numeric)) AS value
FROM orders AS o JOIN customers AS c USING (customer_id) JOIN order_details AS d USING (order_id)
GROUP BY 1, 2, 3, 4;

CREATE SCHEMA sales;
CREATE TYPE sales.payment_state AS ENUM ('open', 'paid', 'written off');
CREATE TABLE sales.invoices (
    invoice_number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id integer NOT NULL REFERENCES orders,
    issued_at timestamptz NOT NULL,
    state sales.payment_state NOT NULL,
    currency char(3) NOT NULL,
    net_amount numeric(12, 2) NOT NULL,
    tax_amount numeric(12, 2) NOT NULL,
    tax_rate numeric(5, 4) NOT NULL,
    comment text
);
COMMENT ON TABLE sales.invoices IS 'One invoice for each delivery.';
INSERT INTO sales.invoices (order_id, issued_at, state, currency, net_amount, tax_amount, tax_rate, comment)
SELECT 10247 + i, timestamptz '2024-01-02 09:00:00+00' + i * interval '11 hours 17 minutes',
       (ARRAY['open', 'paid', 'paid', 'written off'])[1 + i % 4]::sales.payment_state, (ARRAY['EUR', 'USD'])[1 + i % 2],
       i * 13 % 5000 + 0.25, round((i * 13 % 5000 + 0.25) * 0.19, 2), 0.19, CASE WHEN i % 50 = 0 THEN 'second copy' END
FROM generate_series(1, 830) AS i;
CREATE INDEX invoices_by_time ON sales.invoices (issued_at, invoice_number);
